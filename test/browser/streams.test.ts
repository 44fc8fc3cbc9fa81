// A page and its streams, when the server says something else: one that begins again, a proxy before one that is away, a newer version.
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { assets } from '../../src/web/assets.ts'
import { startChromium } from '../real/chromium.ts'

let chromium: Browser

beforeAll(async () => {
  chromium = await startChromium()
})

afterAll(() => chromium?.close())

type Answers = Record<string, (answer: ServerResponse) => unknown>

const event = (name: string, data: unknown) => `event: ${name}\nid: 7\ndata: ${JSON.stringify(data)}\n\n`

const begin = (answer: ServerResponse) => answer.writeHead(200, { 'content-type': 'text/event-stream' })

const html = (text: string) => (answer: ServerResponse) =>
  answer.setHeader('content-type', 'text/html').end(`<!doctype html><title>t</title>${text}`)

/** A tab, whose clock stands, at the page `/` of a server that answers so; `/script.js` is ours. */
const withTab = async (answers: Answers, use: (tab: Page) => Promise<void>): Promise<void> => {
  const server = createServer((request, answer) => {
    const path = new URL(request.url ?? '', 'http://here').pathname
    if (path === '/script.js') answer.setHeader('content-type', 'text/javascript').end(assets.script.text)
    else (answers[path] ?? (() => answer.writeHead(404).end()))(answer)
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const tab = await chromium.newPage()
  try {
    await tab.clock.install()
    await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    await use(tab)
  } finally {
    await tab.close()
    server.closeAllConnections()
    server.close()
  }
}

test('streams that are refused are asked for again, until they are there', async () => {
  const page = `<body data-topics="queue"><p id="now" data-live>old</p>
<pre data-follow="/log" data-from="3"></pre><script src="/script.js"></script>`
  let refused = 0
  let isBack = false
  const refuse = (answer: ServerResponse) => {
    refused++
    answer.writeHead(503).end('not yet')
  }
  const log = event('piece', { from: 3, parts: ['more'] }) + event('over', {})
  const answers: Answers = {
    '/': answer => html(isBack ? page.replace('old', 'new') : page)(answer),
    '/events': answer => (isBack ? begin(answer).write(event('changed', ['queue'])) : refuse(answer)),
    '/log': answer => (isBack ? begin(answer).end(log) : refuse(answer)),
  }
  await withTab(answers, async tab => {
    const shown = async () => {
      await tab.clock.runFor(4_000)
      return [await tab.locator('pre').innerText(), await tab.locator('#now').innerText()]
    }
    await expect.poll(async () => (await shown()) && refused).toBeGreaterThan(5)
    expect(await shown()).toEqual(['', 'old'])
    isBack = true
    await expect.poll(shown).toEqual(['more', 'new'])
  })
})

test('a page of a newer version is read anew as a whole, but not while somebody writes on it', async () => {
  let version = 1
  let tell = () => {}
  const answers: Answers = {
    '/': answer =>
      html(`<body data-topics="queue"><p id="now" data-live>${version}</p><form><input name="reason" value="so"></form>
<script src="/script.js?${version}"></script>`)(answer),
    '/events': answer => {
      begin(answer).write(':\n\n')
      tell = () => void answer.write(event('changed', ['queue']))
    },
  }
  await withTab(answers, async tab => {
    const now = async () => {
      tell()
      await tab.clock.runFor(4_000)
      return tab.locator('#now').innerText()
    }
    await tab.evaluate('globalThis.isSame = true')
    await tab.locator('input').fill('so it is')
    version = 2
    await expect.poll(now).toBe('2')
    expect(await tab.evaluate('globalThis.isSame')).toBe(true)
    await tab.locator('input').fill('so')
    await tab.locator('input').blur()
    await expect.poll(async () => (await now()) && tab.evaluate('globalThis.isSame')).toBeUndefined()
  })
})
