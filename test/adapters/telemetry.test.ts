// Traces at a real receiver: all spans of a series are of one trace, below the span of the whole, whichever process tells them.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { otlpTraces, traceOf } from '../../src/adapters/telemetry/otlp.ts'
import type { Span, Traces } from '../../src/ports/traces.ts'
import { traced } from '../../src/wiring/traced.ts'
import { openFlow } from '../fakes/flow.ts'
import { letter } from '../fakes/list.ts'

type Told = {
  name: string
  traceId: string
  spanId: string
  parentSpanId?: string
  startTimeUnixNano: string
}
type Posted = { resourceSpans: { resource: unknown; scopeSpans: { spans: Told[] }[] }[] }

let server: Server
const heard: Posted[] = []
beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    heard.push(JSON.parse(body))
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
})
afterAll(() => void server.close())

test('two processes tell one trace', async () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`
  const [bot, host] = [otlpTraces({ url }), otlpTraces({ url })]
  const at = Date.UTC(2026, 0, 5, 12)
  const span = (name: Span['name']): Span => ({ series: 's1', name, from: at, to: at + 1000, attributes: {} })
  host.span({ ...span('run'), error: 'the host went away\nwith a line' })
  bot.span(span('series'))
  bot.span(span('judge'))
  bot.span({ ...span('plan'), series: 's2' })
  await Promise.all([bot.close(), host.close()])
  const spans = heard.flatMap(one => one.resourceSpans.flatMap(of => of.scopeSpans.flatMap(in_ => in_.spans)))
  const whole = traceOf('s1')
  const named = (name: string) => spans.find(one => one.name === name)
  expect(named('series')).toMatchObject({ ...whole, startTimeUnixNano: `${at}000000` })
  expect(named('series')?.parentSpanId ?? '').toBe('')
  for (const name of ['run', 'judge'])
    expect(named(name)).toMatchObject({ traceId: whole.traceId, parentSpanId: whole.spanId })
  expect(named('run')).toMatchObject({ status: { code: 2, message: 'the host went away with a line' } })
  expect(named('plan')?.traceId).toBe(traceOf('s2').traceId)
  expect(JSON.stringify(heard[0]?.resourceSpans[0]?.resource)).toContain('grapevine')
})

test('nobody who listens is no trouble', async () => {
  const traces = otlpTraces({ url: 'http://127.0.0.1:9/v1/traces' })
  traces.span({ series: 's1', name: 'run', from: 0, to: 1, attributes: {} })
  await traces.close()
})

test('work of the queues is told as spans, the whole series when it is judged', async () => {
  const told: Span[] = []
  const traces: Traces = { span: span => void told.push(span), close: async () => {} }
  const flow = await openFlow(() => ({
    ending: { kind: 'finished', exitCode: 0 },
    output: '1..1\nok 1 - a\n',
  }))
  Object.assign(flow.wired, { traces })
  await flow.bring([letter({ subject: '[PATCH] tally: count' })])
  await flow.settle()
  const [series] = await flow.wired.store.seriesIn({})
  const id = series?.id ?? ''
  // Each try at a task told itself.
  expect(new Set(told.map(one => `${one.name} ${one.series === id}`))).toEqual(new Set(['run true']))
  expect(told[0]?.attributes).toMatchObject({ 'grapevine.host': 'here', 'grapevine.kind': 'build' })
  const verdict = await flow.wired.store.verdict(id)
  const judged = traced(flow.wired, 'judge', async () => {})
  await judged({ job: verdict?.job ?? '' })
  expect(told.slice(-2).map(({ name, series }) => ({ name, series }))).toEqual([
    { name: 'judge', series: id },
    { name: 'series', series: id },
  ])
  await expect(
    traced(flow.wired, 'plan', async () => {
      throw new Error('no room')
    })({ series: id }),
  ).rejects.toThrow('no room')
  expect(told.find(({ name }) => name === 'plan')).toMatchObject({ series: id, error: 'no room' })
  await flow.close()
})
