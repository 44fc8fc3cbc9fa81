// Traces by OpenTelemetry over HTTP (OTLP). Ids follow from the series: bot and hosts join the same trace without telling each other anything.
import { randomBytes } from 'node:crypto'
import { ROOT_CONTEXT, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor, type IdGenerator } from '@opentelemetry/sdk-trace-node'
import type { Millis } from '../../model/instant.ts'
import type { SeriesId } from '../../model/series.ts'
import type { Traces } from '../../ports/traces.ts'
import { oneLine } from '../../text/clean.ts'
import { contentId } from '../../text/digest.ts'

/** 16 and 8 bytes in hex (W3C Trace Context, 3.2.2); the span is that of the whole series. */
export const traceOf = (series: SeriesId): { traceId: string; spanId: string } => ({
  traceId: contentId(32, 'trace', series),
  spanId: contentId(16, 'span', series),
})

const closeMs: Millis = 5_000

/** Gives the ids that are asked for next, or else any: the library asks for them at once. */
const chosenIds = () => {
  let next: { traceId: string; spanId: string } | undefined
  const ids: IdGenerator = {
    generateTraceId: () => next?.traceId ?? randomBytes(16).toString('hex'),
    generateSpanId: () => next?.spanId ?? randomBytes(8).toString('hex'),
  }
  const choosing = <T>(chosen: typeof next, act: () => T): T => {
    next = chosen
    try {
      return act()
    } finally {
      next = undefined
    }
  }
  return { ids, choosing }
}

/** `url`: where spans are posted to, as it stands in the configuration. Connects to nothing yet. */
export const otlpTraces = ({ url }: { url: string }): Traces => {
  const { ids, choosing } = chosenIds()
  const processor = new BatchSpanProcessor(new OTLPTraceExporter({ url, timeoutMillis: closeMs }))
  const resource = resourceFromAttributes({ 'service.name': 'grapevine' })
  const provider = new BasicTracerProvider({ idGenerator: ids, resource, spanProcessors: [processor] })
  const tracer = provider.getTracer('grapevine')
  return {
    span({ series, name, from, to, attributes, error }) {
      const whole = traceOf(series)
      const given = {
        startTime: from,
        attributes: { 'grapevine.series': series, ...attributes },
      }
      const parent = trace.setSpanContext(ROOT_CONTEXT, {
        ...{ ...whole, traceFlags: TraceFlags.SAMPLED, isRemote: true },
      })
      const span =
        name === 'series'
          ? choosing(whole, () => tracer.startSpan(name, { ...given, root: true }))
          : tracer.startSpan(name, given, parent)
      if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: oneLine(error, 200) })
      span.end(to)
    },
    async close() {
      const late = Promise.withResolvers<void>()
      const timer = setTimeout(late.resolve, closeMs)
      await Promise.race([provider.shutdown().catch(() => {}), late.promise])
      clearTimeout(timer)
    },
  }
}
