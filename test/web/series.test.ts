// Pages of series and runs around a whole flow: what they show, what they escape, how large they become, and what they say when a file expired.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RawMail } from '../../src/ports/mail-source.ts'
import { app } from '../../src/web/app.ts'
import { tendOldBlobs } from '../../src/wiring/old-blobs.ts'
import { job, series, task } from '../contract/samples.ts'
import { type Flow, openFlow, project } from '../fakes/flow.ts'
import { webParts } from './open.ts'

const mail = (id: string, subject: string, line: string): RawMail => ({
  raw: Buffer.from(`From: "Rosa <b>Quill</b>" <rosa@example.com>
To: tally-devel@example.org
Subject: ${subject}
Message-ID: <${id}@example.com>
Date: Mon, 05 Jan 2026 11:00:00 +0000

It is <script>alert(1)</script> better. \u001b[31mred
---
 src/a.c | 2 +-

diff --git a/src/a.c b/src/a.c
index 1111111..2222222 100644
--- a/src/a.c
+++ b/src/a.c
@@ -1,2 +1,2 @@
 int same;
-int a;
+${line}
-- 
2.39.5
`),
  arrivedAt: Date.UTC(2026, 0, 5, 11),
  where: id,
})

let flow: Flow
let pages: ReturnType<typeof app>
const get = async (path: string) => {
  const answer = await pages.request(path)
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}
const all = async () => flow.wired.store.seriesIn({})

beforeAll(async () => {
  flow = await openFlow(
    ({ name, script }, { files, image }) => {
      const isPatched = [...files.values()].some(bytes => bytes.includes('int b'))
      if (name !== 'all') return { ending: { kind: 'finished', exitCode: 0 }, output: `$ ${script}\n` }
      const isNew = isPatched && image === 'debian'
      return {
        ending: { kind: 'finished', exitCode: isNew ? 1 : 0 },
        output: `TAP version 13\n1..2\nok 1 - zero\n${isNew ? 'not ok' : 'ok'} 2 - <i>sums</i>\n\u001b[31mred\u001b[0m \u0007 <script>\n`,
      }
    },
    () => {},
    { ...project, archive: 'https://lists.example.org/tally/{id}/' },
  )
  Object.assign(flow.wired.config.web, { url: 'https://bot.example.org/' })
  await flow.bring([mail('one', '[PATCH] sums: count <better>', 'int b;')])
  await flow.settle()
  await flow.bring([mail('two', '[PATCH v2] sums: count <better>', 'int b = 2;')])
  await flow.settle()
  pages = app(webParts(flow.wired))
}, 30_000)
afterAll(() => flow.close())

describe('a series', () => {
  test('shows its verdict, the tests on each image with new failures, and the way to the log', async () => {
    const newest = (await all()).find(({ version }) => version === 2)
    const { status, text } = await get(`/series/${newest?.id}`)
    expect(status).toBe(200)
    expect(text).toContain('1 test failed that passes without the patch')
    expect(text).toContain('sums: count &lt;better&gt;')
    expect(text).toMatch(
      /&lt;i&gt;sums&lt;\/i&gt;[\s\S]*cell-new[\s\S]*fails newly[\s\S]*with, 0\/\d+ without/,
    )
    expect(text).toMatch(/href="\/runs\/[\w-]+\/log#L\d+"/)
    expect(text).toContain('href="https://lists.example.org/tally/two@example.com/"')
    expect(text).toMatch(/Compare with version 1/)
    expect(text).not.toMatch(/<i>sums|<script>alert|style=| on[a-z]+=/)
  })

  test('that there is none is said', async () => {
    for (const path of [
      '/series/nope',
      '/series/nope/patches',
      '/series/nope/compare/x',
      '/runs/nope',
      '/runs/nope/log',
    ])
      expect((await get(path)).status).toBe(404)
  })

  test('its patches are text, coloured', async () => {
    const [first] = await all()
    const { text } = await get(`/series/${first?.id}/patches`)
    expect(text).toContain('<del>-int a;</del>')
    expect(text).toContain('<ins>+int b;</ins>')
    expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt; better. ␛[31mred')
    expect((await get(`/series/${first?.id}/patches/1`)).text).toContain('<ins>+int b;</ins>')
  })

  test('two versions are compared', async () => {
    const [one, two] = await all()
    const { text } = await get(`/series/${one?.id}/compare/${two?.id}`)
    expect(text).toContain('<del>-+int b;</del>')
    expect(text).toContain('<ins>++int b = 2;</ins>')
    expect(text).not.toContain('index 1111111')
  })
})

test('a series that waits says that the queue is paused, why, and to operators by whom', async () => {
  const { store, clock } = flow.wired
  await store.saveSeries([series('waits', { state: { at: 'planned', job: 'held' } })])
  await store.addJob(job('held', { series: 'waits' }), [task('held-build', 'held', { kind: 'build' })])
  const on = { kind: 'queue' } as const
  const since = clock.now()
  await store.setHold({ on, how: 'drain', reason: 'new <disks>', by: 'olga', since, until: undefined })
  const shown = (await get('/series/waits')).text
  expect(shown).toMatch(
    /It waits to be built\.[\s\S]*The queue is paused since [^<]+: new &lt;disks&gt;\. What/,
  )
  expect(shown).not.toContain('by olga')
  await store.endHold(on)
  expect((await get('/series/waits')).text).not.toContain('paused')
})

describe('a run', () => {
  const runOf = async (image: string) => {
    const [, two] = await all()
    const verdict = await flow.wired.store.verdict(two?.id ?? '')
    return verdict?.images.find(one => one.image === image)?.run ?? ''
  }

  test('has a page, a log with numbered lines, and the log as it lies', async () => {
    const run = await runOf('debian')
    const { text } = await get(`/runs/${run}`)
    expect(text).toContain('Test on debian')
    expect(text).toContain('&lt;i&gt;sums&lt;/i&gt;')
    const log = await get(`/runs/${run}/log`)
    expect(log.text).toMatch(/<a id="L3" href="#L3">3<\/a>/)
    expect(log.text).toContain('<span class="ansi-red">red</span> ␇ &lt;script&gt;')
    const raw = await get(`/runs/${run}/log.txt`)
    expect(raw.text).toContain('\u001b[31mred\u001b[0m \u0007 <script>')
    expect(Object.fromEntries(raw.headers)).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringMatching(/^sandbox; default-src 'none'/),
    })
    expect((await get(`/runs/${run}/console`)).text).toContain('console of')
    expect((await get(`/runs/${run}/manifest`)).status).toBe(404)
  })

  test('a picture that is none is not shown', async () => {
    const { store, blobs } = flow.wired
    const run = await store.run(await runOf('debian'))
    if (!run) throw new Error('there is one')
    const screenshot = await blobs.put(Buffer.from('<html><script>alert(1)</script>'))
    await store.saveRun({ ...run, evidence: { ...run.evidence, screenshot } })
    const { headers } = await get(`/runs/${run.id}/screenshot.png`)
    expect(headers.get('content-type')).toBe('application/octet-stream')
    expect(headers.get('content-disposition')).toMatch(/^attachment/)
  })

  test('a log whose name is none is gone', async () => {
    const { store } = flow.wired
    const run = await store.run(await runOf('debian'))
    if (!run) throw new Error('there is one')
    await store.saveRun({ ...run, id: `${run.id}-odd`, evidence: { log: '../../etc/passwd' } })
    expect((await get(`/runs/${run.id}-odd/log`)).status).toBe(410)
  })

  test('a log that expired says when and why', async () => {
    const { store, blobs } = flow.wired
    const run = await store.run(await runOf('busybox'))
    if (!run) throw new Error('there is one')
    const log = await blobs.put(Buffer.from('old\n'))
    await store.saveRun({ ...run, id: `${run.id}-old`, endedAt: Date.UTC(2026, 0, 1), evidence: { log } })
    const config = { ...flow.wired.config, keepLogsMs: 2 * 86_400_000 }
    const page = `/runs/${run.id}-old/log`
    expect((await get(page)).status).toBe(200)
    await tendOldBlobs({ ...flow.wired, config })
    // The others are of today.
    expect((await get(`/runs/${run.id}/log`)).status).toBe(200)
    const answer = await app(webParts(flow.wired, { config })).request(page)
    expect(answer.status).toBe(410)
    expect(await answer.text()).toContain(
      'The log expired at 2026-01-03 00:00 UTC: such files are kept for 2 days.',
    )
  })
})

test('a mail names pages, and each of them is there', async () => {
  const text = flow.sent[0]?.text ?? ''
  const links = text.match(/https:\/\/bot\.example\.org\S+/g) ?? []
  expect(links.length).toBeGreaterThan(1)
  for (const link of links) expect((await get(link.replace('https://bot.example.org', ''))).status).toBe(200)
  await expect(text.replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'RUN')).toMatchFileSnapshot(
    'golden/mail-with-pages.txt',
  )
})
