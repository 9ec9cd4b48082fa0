-- Replays a list of requests, as fast as the connections take them.
--
-- BENCH_REQUESTS names a Lua file with the list; BENCH_RUN is four characters that make the ids of
-- this run its own. A request with MARK in it gets a fresh id in its place; in a list that is a
-- conversation, every pass through the list has one id. Requests are built once and only joined
-- here, so that the generator costs next to nothing.
--
-- Sixty-four lanes, taken in turn, each go through a conversation on their own: its second request
-- is sent long after the first was answered.

local MARK = "@@@@@@@@@@@@@@@@"
local LANES = 64

local run = os.getenv("BENCH_RUN") or "0000"
local steps = {}
local count = 0
local fresh, conversation = false, false

local function split(text)
  local parts, from = {}, 1
  while true do
    local first, last = string.find(text, MARK, from, true)
    if not first then
      parts[#parts + 1] = string.sub(text, from)
      return parts
    end
    parts[#parts + 1] = string.sub(text, from, first - 1)
    from = last + 1
  end
end

function init(args)
  local list = dofile(os.getenv("BENCH_REQUESTS"))
  conversation = list.conversation
  for index, item in ipairs(list) do
    local headers = { ["Host"] = wrk.headers["Host"] }
    for name, value in pairs(list.headers) do headers[name] = value end
    if item.body then headers["Content-Type"] = "application/json" end
    local parts = split(wrk.format(item.method, item.path, headers, item.body))
    steps[index] = #parts > 1 and parts or parts[1]
    fresh = fresh or #parts > 1
  end
end

function request()
  local turn = count
  count = count + 1
  if not fresh then return steps[turn % #steps + 1] end
  if not conversation then
    return table.concat(steps[turn % #steps + 1], string.format("%s%012x", run, turn))
  end
  local lane = turn % LANES
  local sent = (turn - lane) / LANES
  local step = sent % #steps
  local id = string.format("%s%04x%08x", run, lane, (sent - step) / #steps)
  return table.concat(steps[step + 1], id)
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"micros":%d,"refused":%d,"failed":%d,"p50":%.0f,"p99":%.0f}\n',
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
