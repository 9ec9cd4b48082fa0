// The same as emit.py, with the exporters of Node.js.
"use strict";

const { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = require("@opentelemetry/api");
const { resourceFromAttributes } = require("@opentelemetry/resources");
const { BatchSpanProcessor, NodeTracerProvider } = require("@opentelemetry/sdk-trace-node");

const PATIENCE_MS = 60_000;
const START_S = 1_767_225_600;
const LINKED = { traceId: "ab".repeat(16), spanId: "cd".repeat(8), traceFlags: 1, isRemote: true };

// An exporter, and what came of each batch.
class Telling {
  constructor(exporter) {
    this.exporter = exporter;
  }

  export(spans, done) {
    this.exporter.export(spans, (result) => {
      const told = result.code === 0 ? "acknowledged" : "failed";
      const ids = spans.map((span) => [span.spanContext().traceId, span.spanContext().spanId]);
      console.log(JSON.stringify({ [told]: ids }));
      done(result);
    });
  }

  forceFlush() {
    return this.exporter.forceFlush();
  }

  shutdown() {
    return this.exporter.shutdown();
  }
}

function exporter(kind, url) {
  const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${kind}`);
  const compression = kind === "proto" ? "gzip" : "none";
  return new OTLPTraceExporter({ url: `${url}/v1/traces`, timeoutMillis: PATIENCE_MS, compression });
}

const below = (context) => trace.setSpanContext(ROOT_CONTEXT, context);

// One trace with everything that a span can say.
function whole(tracer, name) {
  const attributes = {
    text: "naïve \u{1f600}",
    whole: 9007199254740991,
    negative: -7,
    real: 0.5,
    yes: true,
    texts: ["a", "b"],
    wholes: [1, 2],
    reals: [0.5, 1.5],
    flags: [true, false],
    empty: "",
    "session.id": name,
  };
  const start = (seconds, nanos = 0) => [START_S + seconds, nanos];
  const root = tracer.startSpan("run", { kind: SpanKind.SERVER, startTime: start(0) }, ROOT_CONTEXT);
  const links = [{ context: LINKED, attributes: { why: "continued" } }];
  const options = { kind: SpanKind.CLIENT, startTime: start(1), attributes, links };
  const span = tracer.startSpan("chat", options, below(root.spanContext()));
  span.addEvent("token", { index: 0, text: "Hi" }, start(1, 1));
  span.setStatus({ code: SpanStatusCode.ERROR, message: "refused" });
  span.end(start(2));
  root.setStatus({ code: SpanStatusCode.OK });
  root.end(start(3));
}

// Spans below the span of another process, which TRACEPARENT names.
function part(tracer, name, count) {
  const [, traceId, spanId] = process.env.TRACEPARENT.split("-");
  const outer = below({ traceId, spanId, traceFlags: 1, isRemote: true });
  const root = tracer.startSpan(`request ${name}`, { kind: SpanKind.SERVER }, outer);
  for (let number = 0; number < count - 1; number++) {
    tracer.startSpan(`${name} ${number}`, {}, below(root.spanContext())).end();
  }
  root.end();
}

// Model calls of one trace, for some seconds.
async function steadily(tracer, name, count) {
  const attributes = {
    "gen_ai.operation.name": "chat",
    "gen_ai.usage.input_tokens": 1,
    "session.id": name,
  };
  const root = tracer.startSpan("run", {}, ROOT_CONTEXT);
  for (let number = 0; number < count - 1; number++) {
    const options = { kind: SpanKind.CLIENT, attributes };
    tracer.startSpan("chat", options, below(root.spanContext())).end();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  root.end();
}

async function main() {
  const [kind, mode, url, name, count] = process.argv.slice(2);
  const processor = new BatchSpanProcessor(new Telling(exporter(kind, url)), {
    scheduledDelayMillis: 50,
    maxExportBatchSize: 10,
    exportTimeoutMillis: PATIENCE_MS,
  });
  const resource = resourceFromAttributes({ "service.name": name });
  const provider = new NodeTracerProvider({ resource, spanProcessors: [processor] });
  await { whole, part, steadily }[mode](provider.getTracer("tests", "1.0"), name, Number(count));
  await provider.forceFlush();
  await provider.shutdown();
}

main();
