// The process is killed before and after every change in the store and every mail out, one at a time: after a restart the same verdicts stand, no
// clone is left, and every reply was sent once.
import { afterEach, describe, expect, it } from 'vitest'
import type { RawMail } from '../../src/ports/mail-source.ts'
import type { Behaviour } from '../fakes/farm.ts'
import { type Flow, openFlow, project } from '../fakes/flow.ts'

const diff = (file: string) => `diff --git a/${file} b/${file}
index 1111111..2222222 100644
--- a/${file}
+++ b/${file}
@@ -1 +1 @@
-int a;
+int b;
--
2.39.5
`

const mail = (id: string, subject: string, body: string, more = ''): RawMail => ({
  raw: Buffer.from(
    `From: Rosa Quill <rosa@example.com>\nTo: tally-devel@example.org\nSubject: ${subject}\nMessage-ID: <${id}@example.com>\nDate: Mon, 05 Jan 2026 11:00:00 +0000\n${more}\n${body}`,
  ),
  arrivedAt: Date.UTC(2026, 0, 5, 11),
  where: id,
})

const mails: RawMail[] = [
  mail('good', '[PATCH] good: rename a', `It is better.\n---\n src/a.c | 2 +-\n\n${diff('src/a.c')}`),
  mail(
    'bad-2',
    '[PATCH 2/2] bad: BREAKS the test',
    `\n---\n\n${diff('src/c.c')}`,
    'In-Reply-To: <bad-1@example.com>\n',
  ),
  mail('bad-1', '[PATCH 1/2] bad: begin', `\n---\n\n${diff('src/b.c')}`),
  mail('lone', '[PATCH 2/2] lone: its first part is missing', `\n---\n\n${diff('src/d.c')}`),
  mail('talk', 'Plans', 'Who comes to the meeting?\n'),
]

/** One test passes always; the other fails where a patch says so, and there the first try times out. */
const behave = (): Behaviour => (command, guest) => {
  if (command.name !== 'all') return { ending: { kind: 'finished', exitCode: 0 } }
  const broken = [...guest.files.values()].some(bytes => bytes.includes('BREAKS'))
  const second = broken ? 'not ok 2 - sums' : 'ok 2 - sums'
  return {
    ending: { kind: 'finished', exitCode: broken ? 1 : 0 },
    output: `TAP version 13\n1..2\nok 1 - counts\n${second}\n`,
  }
}

/** Proof takes few runs here: each of them is the same changes again. */
const soonProven = { ...project, proof: { ...project.proof, blame: 0.2 } }

class Killed extends Error {}

/** Dead after so many calls: from then on every call fails. */
const killer = (after: number) => {
  let calls = 0
  let alive = true
  let armed = true
  return {
    pass: () => {
      if (armed && alive && calls++ === after) alive = false
      if (!alive) throw new Killed()
    },
    revive: () => {
      alive = true
      armed = false
    },
    isDead: () => !alive,
  }
}

/** The rounds of proof are many times the same changes: of each call the first two, one in the middle, and the last. */
const fewOf = (places: number[]): number[] =>
  [...new Set([0, 1, places.length >> 1, places.length - 1])].flatMap(i => places[i] ?? [])

const play = async (flow: Flow): Promise<void> => {
  await flow.bring(mails)
  await flow.settle()
  const { clock } = flow.wired as unknown as { clock: { advance(ms: number): Promise<void> } }
  await clock.advance(120_000)
  await flow.settle()
}

const said = async ({ wired: { store } }: Flow) => {
  const all = await store.seriesIn({})
  const verdicts = await Promise.all(
    all.map(async series => [series.title, (await store.verdict(series.id))?.finding.kind]),
  )
  return Object.fromEntries(verdicts) as Record<string, string | undefined>
}

describe('killed at any point', () => {
  let open: Flow[] = []
  afterEach(async () => {
    for (const flow of open) await flow.close()
    open = []
  })
  const start = async (pass?: (call: string) => void): Promise<Flow> => {
    const flow = await openFlow(behave(), pass, soonProven)
    open.push(flow)
    return flow
  }

  it('the flow undisturbed gives each series its verdict and its reply', async () => {
    const flow = await start()
    await play(flow)
    expect(await said(flow)).toEqual({
      'good: rename a': 'all-well',
      'bad: begin': 'new-failures',
      'lone: its first part is missing': 'incomplete',
    })
    expect(flow.sent.map(one => one.inReplyTo).sort()).toEqual([
      '<bad-1@example.com>',
      '<good@example.com>',
      '<lone@example.com>',
    ])
    expect(flow.leased()).toBe(0)
  })

  it.each(['before', 'after'])('and so does the flow killed %s any change', async when => {
    const calls: string[] = []
    const undisturbed = await start(call => void calls.push(call))
    await play(undisturbed)
    const expected = await said(undisturbed)
    const ids = undisturbed.sent.map(one => one.messageId).sort()
    const places = Map.groupBy(calls.keys(), at => calls[at] ?? '')
    const kinds = [...places].filter(([call]) => call.startsWith(when))
    expect(kinds.map(([call]) => call)).toEqual(
      expect.arrayContaining(
        ['store.saveMails', 'store.addBlames', 'sink.send'].map(call => `${when} ${call}`),
      ),
    )

    for (const [call, own] of kinds) {
      for (const at of fewOf(own)) {
        const kill = killer(at)
        const flow = await start(kill.pass)
        // The sweep reports what fails and goes on: the death shows in that nothing more is saved.
        await play(flow).catch(() => {})
        const which = `killed ${call}, call ${at}`
        expect(kill.isDead(), which).toBe(true)
        kill.revive()
        await flow.restart()
        await play(flow)
        expect(await said(flow), which).toEqual(expected)
        expect(flow.sent.map(one => one.messageId).sort(), which).toEqual(ids)
        expect(flow.leased(), which).toBe(0)
        await flow.close()
        open = open.filter(other => other !== flow)
      }
    }
  })
})
