-- Replays a list of requests, as fast as the connections take them.
--
-- BENCH_REQUESTS names a Lua file with the list; BENCH_RUN is four characters that make the ids of
-- this run its own. A request with MARK in it gets a fresh id in its place. Requests are built
-- once and only joined here, so that the generator costs next to nothing.
--
-- Sixty-four lanes, taken in turn, each go through the list on their own: the second request of a
-- conversation is sent long after the first was answered.

local MARK = "@@@@@@@@@@@@@@@@"
local LANES = 64

local run = os.getenv("BENCH_RUN") or "0000"
local steps = {}
local count = 0
local fresh = false

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
  for index, item in ipairs(dofile(os.getenv("BENCH_REQUESTS"))) do
    local headers = { ["Host"] = wrk.headers["Host"] }
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
  local lane = turn % LANES
  local done = (turn - lane) / LANES
  local step = done % #steps
  local parts = steps[step + 1]
  return table.concat(parts, string.format("%s%04x%08x", run, lane, (done - step) / #steps))
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"micros":%d,"refused":%d,"failed":%d,"p50":%.0f,"p99":%.0f}\n',
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
