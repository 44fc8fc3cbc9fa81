// A page whose streams are answered with something else: by a server that begins again, by a proxy before one that is away.
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { assets } from '../../src/web/assets.ts'
import { startChromium } from '../real/chromium.ts'

const page = `<!doctype html><title>t</title><body data-topics="queue"><p id="now" data-live>old</p>
<pre data-follow="/log" data-from="3"></pre><script src="/script.js"></script>`

const event = (name: string, data: unknown) => `event: ${name}\nid: 7\ndata: ${JSON.stringify(data)}\n\n`

test('its streams are asked for again, until they are there', async () => {
  const asked: string[] = []
  let isBack = false
  const sent: Record<string, (answer: ServerResponse) => unknown> = {
    '/events': answer => answer.write(event('changed', ['queue'])),
    '/log': answer => answer.end(event('piece', { from: 3, parts: ['more'] }) + event('over', {})),
  }
  const server = createServer((request, answer) => {
    const path = new URL(request.url ?? '', 'http://here').pathname
    const stream = sent[path]
    asked.push(path)
    if (path === '/script.js')
      return void answer.setHeader('content-type', 'text/javascript').end(assets.script.text)
    if (!stream)
      return void answer
        .setHeader('content-type', 'text/html')
        .end(isBack ? page.replace('old', 'new') : page)
    if (!isBack) return void answer.writeHead(503).end('not yet')
    stream(answer.writeHead(200, { 'content-type': 'text/event-stream' }))
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const chromium = await startChromium()
  try {
    const tab = await chromium.newPage()
    await tab.clock.install()
    await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    await expect
      .poll(async () => {
        await tab.clock.runFor(4_000)
        return asked.filter(path => path === '/log').length
      })
      .toBeGreaterThan(2)
    expect(await tab.locator('pre').innerText()).toBe('')
    isBack = true
    await expect
      .poll(async () => {
        await tab.clock.runFor(4_000)
        return [await tab.locator('pre').innerText(), await tab.locator('#now').innerText()]
      })
      .toEqual(['more', 'new'])
  } finally {
    await chromium.close()
    server.closeAllConnections()
    server.close()
  }
})
