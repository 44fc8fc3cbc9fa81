// Traces, loaded when there is something to tell: the pages and the commands never need them.
import type { Traces } from '../ports/traces.ts'

/** `url`: of the configuration. */
export const lateTraces = (url: string): Traces => {
  let loading: Promise<Traces> | undefined
  const load = async () => (await import('../adapters/telemetry/otlp.ts')).otlpTraces({ url })
  return {
    span(span) {
      loading ??= load()
      void loading.then(traces => traces.span(span))
    },
    close: async () => (await loading)?.close(),
  }
}
