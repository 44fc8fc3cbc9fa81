// A series that names a bug through the whole flow: its verdict becomes a comment, once, whatever dies in between; and a base that moves says
// that it landed.
import { afterEach, expect, it } from 'vitest'
import { heal, newMemory } from '../../src/wiring/bot.ts'
import { bugWriteMemory, tendBugWrites } from '../../src/wiring/bug-writes.ts'
import type { Said } from '../fakes/farm.ts'
import { type Flow, openFlow, project } from '../fakes/flow.ts'
import { letter } from '../fakes/list.ts'
import { fakeTracker } from '../fakes/tracker.ts'

let open: Flow[] = []
afterEach(async () => {
  for (const flow of open) await flow.close()
  open = []
})

const own = {
  ...project,
  archive: 'https://lore.example.org/tally/{id}/',
  bugs: {
    ...{ tracker: 'bugs', trailers: ['Bug', 'Closes', 'Fixes'], results: true, rules: [], sync: undefined },
    landed: 'resolve' as const,
  },
}
const bug = 'https://bugs.example.org/7'
const well: Said = {
  ending: { kind: 'finished', exitCode: 0 },
  output: 'TAP version 13\n1..1\nok 1 - counts\n',
}

const start = async (pass: (call: string) => void = () => {}): Promise<Flow> => {
  const flow = await openFlow(() => well, pass, own)
  open.push(flow)
  const tracker = fakeTracker()
  tracker.put(bug)
  flow.wired.trackers.push(tracker)
  return flow
}

/** What stands in the bug in the end. */
const written = async ({ wired }: Flow) => {
  for (let n = 0; n < 3; n++) {
    await tendBugWrites(wired, bugWriteMemory())
  }
  const [tracker] = wired.trackers
  const comments = (await tracker?.comments(bug)) ?? []
  return { status: (await tracker?.bug(bug))?.status, said: comments.map(({ text }) => text.split('\n')[0]) }
}

const mails = [
  letter({ subject: '[PATCH 0/2] count more', id: 'c', file: undefined }),
  letter({ subject: '[PATCH 1/2] one', id: 'p1', re: 'c', file: 'a.c', body: 'x\n\nFixes: 0123456 ("old")' }),
  letter({ subject: '[PATCH 2/2] two', id: 'p2', re: 'c', file: 'b.c', body: `x\n\nCloses: ${bug}` }),
]

const writes = ({ wired }: Flow) => wired.store.bugWrites({ bug })

it('is told its bug when the verdict is there, and when it landed', async () => {
  const flow = await start()
  await flow.bring(mails)
  await flow.settle()
  const [result, ...more] = await writes(flow)
  expect(more).toEqual([])
  expect(result).toMatchObject({ kind: 'result', link: 'https://lore.example.org/tally/c@example.org/' })
  expect(result?.text).toMatch(/^A series was tested whose patch 2\/2 names this bug:\n\n {4}\[PATCH 0\/2\]/)

  const patchIds = (await flow.wired.store.mails({ project: 'tally' })).map(mail => mail.patch?.patchId)
  const memory = newMemory(flow.wired)
  let tip = 'b'.repeat(40)
  const asked: string[] = []
  Object.assign(flow.wired.mirror, {
    resolve: async () => tip,
    landed: async (_: string, { tip: at }: { tip: string }) => {
      asked.push(at.slice(0, 1))
      return at.startsWith('c') ? new Map([[patchIds[2], 'd'.repeat(40)]]) : new Map()
    },
  })
  await heal(flow.wired, memory)
  await heal(flow.wired, memory)
  tip = 'c'.repeat(40)
  for (let n = 0; n < 3; n++) await heal(flow.wired, memory)
  expect(asked).toEqual(['b', 'c'])
  const landed = (await writes(flow)).filter(({ kind }) => kind === 'landed')
  expect(landed.map(({ change }) => change?.status)).toEqual(['RESOLVED'])
  expect(landed[0]?.text).toContain('in main now, landed as dddddddddddd')
  expect(await written(flow)).toEqual({
    status: 'RESOLVED',
    said: [
      'A series was tested whose patch 2/2 names this bug:',
      'A patch that names this bug is in main now, landed as dddddddddddd:',
    ],
  })
})

it('writes nothing to anybody until mail is live', async () => {
  const flow = await start()
  flow.wired.config.mail.live = false
  await flow.bring(mails)
  await flow.settle()
  expect((await writes(flow)).map(({ state }) => state.at)).toEqual(['failed'])
  expect(await written(flow)).toEqual({ status: 'NEW', said: [] })
})

it('whose verdict was kept when the process died is told all the same, once', async () => {
  let dies = true
  const flow = await start(call => {
    if (dies && call === 'before store.addBugWrite') {
      dies = false
      throw new Error('the process died')
    }
  })
  await flow.bring(mails)
  await expect(flow.settle()).rejects.toThrow('the process died')
  expect(await writes(flow)).toEqual([])
  await flow.restart()
  await flow.settle()
  expect(await writes(flow)).toHaveLength(1)
  expect(flow.sent).toHaveLength(1)
})
