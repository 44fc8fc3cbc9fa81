import { describe, expect, onTestFinished, test } from 'vitest'
import { noBlobs } from '../../src/adapters/blobs/none.ts'
import { gitMail } from '../../src/adapters/git/mail.ts'
import { expire } from '../../src/model/series.ts'
import { assemble } from '../../src/stages/assemble/assemble.ts'
import { type Letter, letter, pause, play, project, settings, shape, start } from '../fakes/list.ts'

const list = async (letters: Parameters<typeof play>[0]) => {
  const store = await play(letters)
  onTestFinished(() => store.close())
  return store
}

const shaped = async (letters: Parameters<typeof play>[0]) => shape(await list(letters))

const run = '20260105120000.4711'
const sent = (n: number, subject: string, more: Partial<Letter> = {}): Letter => ({
  subject,
  id: `${run}-${n}-ann@example.org`,
  ...more,
})

describe('a series is put together', () => {
  test('a single patch is whole at once', async () => {
    expect(await shaped([{ subject: '[PATCH] one' }])).toEqual(['v1 complete 1 of 1 | one'])
  })

  test('cover and parts, threaded, out of order', async () => {
    expect(
      await shaped([
        { subject: '[PATCH 2/2] two', re: 'c' },
        { subject: '[PATCH 0/2] all', id: 'c' },
        { subject: '[PATCH 1/2] one', re: 'c' },
      ]),
    ).toEqual(['v1 complete 0 1 2 of 2 | all'])
  })

  test('without a cover and without a thread', async () => {
    expect(await shaped([{ subject: '[PATCH 1/2] one' }, { subject: '[PATCH 2/2] two' }])).toEqual([
      'v1 complete 1 2 of 2 | one',
    ])
  })

  test('by the sending run alone, hours apart', async () => {
    expect(
      await shaped([sent(1, '[PATCH 1/2] one'), sent(2, '[PATCH 2/2] two', { at: 60 * 24 * 9 })]),
    ).toEqual(['v1 complete 1 2 of 2 | one'])
  })

  test('a part that comes late brings back no series that was replaced, by way of another run either', async () => {
    const other = (n: number, subject: string): Letter => ({
      subject,
      id: `20260105120500.815-${n}-ann@example.org`,
    })
    const parts = ['one', 'two', 'three', 'four']
    expect(
      await shaped([
        ...parts.slice(0, 2).map((title, i) => sent(i + 1, `[PATCH ${i + 1}/4] ${title}`)),
        ...parts.map((title, i) => ({ subject: `[PATCH v2 ${i + 1}/4] ${title}`, id: `v2-${i}` })),
        other(3, '[PATCH 3/4] three'),
        sent(4, '[PATCH 4/4] four'),
      ]),
    ).toEqual([
      'v1 superseded 1 2 4 of 4 | one',
      'v2 complete 1 2 3 4 of 4 | one',
      'v1 collecting 3 of 4 | three',
    ])
  })

  test('a bare part under a cover with a version is of that version', async () => {
    expect(
      await shaped([
        { subject: '[PATCH v13 0/2] all', id: 'c' },
        { subject: '[PATCH v13 1/2] one', re: 'c' },
        { subject: '[PATCH 2/2] two', re: 'c' },
      ]),
    ).toEqual(['v13 complete 0 1 2 of 2 | all'])
  })

  test('a cover that counts itself does not make the series wait', async () => {
    expect(
      await shaped([sent(1, '[PATCH 0/3] all'), sent(2, '[PATCH 1/2] one'), sent(3, '[PATCH 2/2] two')]),
    ).toEqual(['v1 complete 0 1 2 of 2 | all'])
  })

  test('a part past the total is an addition', async () => {
    expect(
      await shaped([
        { subject: '[PATCH 1/2] one', id: 'a' },
        { subject: '[PATCH 2/2] two', re: 'a' },
        { subject: '[PATCH 3/2] three', re: 'a' },
      ]),
    ).toEqual(['v1 complete 1 2 3 of 3 | one'])
  })

  test('one version that was sent in two runs', async () => {
    const again = '20260105121000.4712'
    const lines = await shaped([
      sent(1, '[PATCH 0/3] all'),
      sent(2, '[PATCH 1/3] one'),
      { subject: '[PATCH 2/3] two', id: `${again}-1-ann@example.org`, at: 10 },
      { subject: '[PATCH 3/3] three', id: `${again}-2-ann@example.org`, at: 10 },
    ])
    expect(lines).toEqual(['v1 superseded 0 1 of 3 | all', 'v1 complete 0 1 2 3 of 3 | all'])
  })

  test('one mail from each run', async () => {
    const [one, two] = ['20260105120000.4711-1-ann@example.org', '20260105120800.4712-1-ann@example.org']
    expect(
      await shaped([
        { subject: '[net,v2,1/2] one', id: one },
        { subject: '[net,v2,2/2] two', id: two, at: 8 },
      ]),
    ).toEqual(['v2 complete 1 2 of 2 | one'])
  })

  test('a missing part is waited for, then named; the late one completes the series', async () => {
    const store = await list([
      { subject: '[PATCH 1/3] one', id: 'a' },
      { subject: '[PATCH 3/3] three', re: 'a' },
    ])
    const [waiting] = await store.seriesIn({ project })
    expect(waiting?.state).toEqual({ at: 'collecting', until: start + settings.deadlineMs })
    if (waiting === undefined) return
    const late = expire(waiting, start + settings.deadlineMs)
    expect(late.state).toEqual({ at: 'incomplete', missing: [2] })
    await store.saveSeries([late])
    const { receive } = await import('../../src/stages/receive/receive.ts')
    const mails = [letter({ subject: '[PATCH 2/3] two', re: 'a', at: 60 * 24 * 5 })]
    const ports = { store, blobs: noBlobs(), gitMail: gitMail() }
    const [id] = await receive(ports)({ project, source: 'test', cursor: 2, listTags: [], mails })
    const clock = { now: () => start, sleep: async () => undefined }
    const touched = await assemble({ store, clock })(settings, id ?? '')
    expect(touched.map(series => series.state)).toEqual([{ at: 'complete' }])
  })
})

describe('what is not one series stays apart', () => {
  test('the same n/m twice', async () => {
    expect(
      await shaped([
        { subject: '[PATCH 1/2] one', id: 'a' },
        { subject: '[PATCH 2/2] two', id: 'b', re: 'a' },
        { subject: '[PATCH 1/2] one!', id: 'c', re: 'a' },
        { subject: '[PATCH 2/2] two!', id: 'd', re: 'c' },
      ]),
    ).toEqual(['v1 complete 1 2 of 2 | one', 'v1 complete 1 2 of 2 | one!'])
  })

  test('two authors with the same n/m at the same time', async () => {
    const bob = 'Bob <bob@example.org>'
    expect(
      await shaped([
        { subject: '[PATCH 1/2] one' },
        { subject: '[PATCH 1/2] uno', from: bob },
        { subject: '[PATCH 2/2] due', from: bob },
        { subject: '[PATCH 2/2] two' },
      ]),
    ).toEqual(['v1 complete 1 2 of 2 | one', 'v1 complete 1 2 of 2 | uno'])
  })

  test('v2 as a reply to v1', async () => {
    expect(
      await shaped([
        { subject: '[PATCH 0/2] all', id: 'c' },
        { subject: '[PATCH 1/2] one', re: 'c' },
        { subject: '[PATCH v2 0/2] all', id: 'd', re: 'c' },
        { subject: '[PATCH v2 1/2] one', re: 'd' },
        { subject: '[PATCH v2 2/2] two', re: 'd' },
      ]),
    ).toEqual(['v1 superseded 0 1 of 2 | all', 'v2 complete 0 1 2 of 2 | all'])
  })

  test('parts of two versions, unthreaded', async () => {
    expect(await shaped([{ subject: '[PATCH 1/2] one' }, { subject: '[PATCH v2 2/2] two' }])).toEqual([
      'v1 collecting 1 of 2 | one',
      'v2 collecting 2 of 2 | two',
    ])
  })

  test('weeks apart without a thread', async () => {
    expect(
      await shaped([{ subject: '[PATCH 1/2] one' }, { subject: '[PATCH 2/2] two', at: 60 * 24 * 14 }]),
    ).toEqual(['v1 incomplete 1 of 2 | one', 'v1 collecting 2 of 2 | two'])
  })

  test('a patch sent into a discussion', async () => {
    const store = await list([
      { subject: 'How about it?', id: 'q', file: undefined },
      { subject: 'Re: How about it?', id: 'r', re: 'q' },
      { subject: '[PATCH] how', re: 'r' },
    ])
    expect(await shape(store)).toEqual(['v1 complete 1 of 1 | how'])
    expect(await store.dispositions(project)).toEqual([
      { kind: 'not-a-patch', count: 2 },
      { kind: 'patch', count: 1 },
    ])
  })
})

describe('a newer series replaces an older one', () => {
  const cases: [string, Letter, boolean][] = [
    ['a higher version with the same title', { subject: '[PATCH v2] x: y' }, true],
    ['a higher version in the thread, renamed', { subject: '[PATCH v2] x: z', re: 'a' }, true],
    ['the same once more', { subject: '[PATCH RESEND] x: y' }, true],
    [
      'a reply to a review of it',
      { subject: '[PATCH v2] x: z', headers: ['References: <a@example.org> <b@example.org>'] },
      true,
    ],
    ['another title, unthreaded', { subject: '[PATCH v2] x: z' }, false],
    ['another author', { subject: '[PATCH v2] x: y', from: 'Bob <bob@example.org>' }, false],
    ['a lower version', { subject: '[PATCH v0] x: y' }, false],
    ['for another branch', { subject: '[PATCH 5.10] x: y' }, false],
    ['another patch in the thread', { subject: '[PATCH] x: z', re: 'a' }, false],
    ['after months, with the thread', { subject: '[PATCH v2] x: z', re: 'a', at: 60 * 24 * 200 }, true],
  ]
  test.each(cases)('%s', async (_, newer, replaced) => {
    const lines = await shaped([
      { subject: '[PATCH] x: y', id: 'a' },
      { at: 60, file: 'b.c', ...newer },
    ])
    expect(lines[0]).toBe(`v1 ${replaced ? 'superseded' : 'complete'} 1 of 1 | x: y`)
  })

  test('not before the newer one is whole', async () => {
    expect(
      await shaped([
        { subject: '[PATCH] x: y', id: 'a' },
        { subject: '[PATCH v2 1/2] x: y', re: 'a', at: 5 },
      ]),
    ).toEqual(['v1 complete 1 of 1 | x: y', 'v2 collecting 1 of 2 | x: y'])
  })

  test('one part of many, sent again alone, replaces nothing', async () => {
    const lines = await shaped([
      { subject: '[PATCH 1/3] one', id: 'a' },
      { subject: '[PATCH 2/3] two', re: 'a' },
      { subject: '[PATCH 3/3] three', re: 'a' },
      { subject: '[PATCH v2 3/3] three', re: 'a', at: 9 },
      { subject: '[PATCH v2] two', re: 'a', at: 9 },
    ])
    expect(lines[0]).toBe('v1 complete 1 2 3 of 3 | one')
  })

  test('an older one that comes late is replaced at once', async () => {
    expect(
      await shaped([{ subject: '[PATCH v2] x: y' }, { subject: '[PATCH] x: y', id: 'a', at: 3 }]),
    ).toEqual(['v2 complete 1 of 1 | x: y', 'v1 superseded 1 of 1 | x: y'])
  })
})

describe('what mails say of other series', () => {
  const links = async (letters: Parameters<typeof list>[0]) => {
    const store = await list(letters)
    return (await store.seriesIn({ project })).map(series => series.links)
  }
  const on = (...messageIds: string[]) => ({
    dependsOn: { messageIds, changeIds: [], patchIds: [] },
    supersedes: [],
    changeId: undefined,
  })

  test('of the cover and of the parts, the cover first', async () => {
    expect(
      await links([
        { subject: '[PATCH 1/1] one', re: 'c', body: 'Depends-on: <b@example.org>' },
        { subject: '[PATCH 0/1] all', id: 'c', body: 'Based-on: <a@example.org>' },
      ]),
    ).toEqual([on('<a@example.org>', '<b@example.org>')])
  })

  test('a series that waits for another is planned again when that one comes', async () => {
    const lines = await shaped([
      { subject: '[PATCH] mine', body: 'Based-on: <theirs@example.org>' },
      pause({ minutes: 5, plan: true }),
      { subject: '[PATCH] theirs', id: 'theirs', from: 'Bob <bob@example.org>', at: 10 },
    ])
    expect(lines).toEqual(['v1 complete 1 of 1 | mine', 'v1 complete 1 of 1 | theirs'])
  })

  test('one that names nothing of it stays planned', async () => {
    const lines = await shaped([
      { subject: '[PATCH] mine', body: 'Based-on: <others@example.org>' },
      pause({ minutes: 5, plan: true }),
      { subject: '[PATCH] theirs', id: 'theirs', from: 'Bob <bob@example.org>', at: 10 },
    ])
    expect(lines).toEqual(['v1 planned 1 of 1 | mine', 'v1 complete 1 of 1 | theirs'])
  })

  test.each([
    ['any version of a change', '20260101-topic-0123456789ab', 'complete'],
    ['that version of it', '20260101-topic-0123456789ab:v2', 'complete'],
    ['another version of it', '20260101-topic-0123456789ab:v1', 'planned'],
  ])('by the change id: %s', async (_, id, state) => {
    const [mine] = await shaped([
      { subject: '[PATCH] mine', body: `prerequisite-change-id: ${id}` },
      pause({ minutes: 5, plan: true }),
      {
        subject: '[PATCH v2] theirs',
        from: 'Bob <bob@example.org>',
        at: 10,
        body: 'change-id: 20260101-topic-0123456789ab',
      },
    ])
    expect(mine).toBe(`v1 ${state} 1 of 1 | mine`)
  })

  test('by the patch id', async () => {
    const theirs = { subject: '[PATCH] theirs', from: 'Bob <bob@example.org>', at: 10 }
    const before = await list([theirs])
    const patchId = (await before.mails({ project }))[0]?.patch?.patchId
    expect(patchId).toMatch(/^[0-9a-f]{40}$/)
    const [mine] = await shaped([
      { subject: '[PATCH] mine', body: `prerequisite-patch-id: ${patchId}` },
      pause({ minutes: 5, plan: true }),
      theirs,
    ])
    expect(mine).toBe('v1 complete 1 of 1 | mine')
  })

  test('two that depend on each other come to rest', async () => {
    const store = await list([
      { subject: '[PATCH] one', id: 'one', body: 'Depends-on: <two@example.org>' },
      { subject: '[PATCH] two', id: 'two', body: 'Depends-on: <one@example.org>', file: 'b.c' },
      pause({ minutes: 5, plan: true }),
      { subject: 'Re: [PATCH] one', re: 'one', at: 9 },
    ])
    expect(await shape(store)).toEqual(['v1 planned 1 of 1 | one', 'v1 planned 1 of 1 | two'])
  })

  test('Supersedes: names what is replaced, whatever its title; only by the same author', async () => {
    const letters = (from: string): Letter[] => [
      { subject: '[PATCH] x', id: 'old' },
      { subject: '[PATCH] y', from, file: 'b.c', body: 'Supersedes: <old@example.org>', at: 60 },
    ]
    const ann = 'Ann Author <ann@example.org>'
    expect((await shaped(letters(ann)))[0]).toBe('v1 superseded 1 of 1 | x')
    expect((await shaped(letters('Bob <bob@example.org>')))[0]).toBe('v1 complete 1 of 1 | x')
  })

  test('a change id is the same in all versions', async () => {
    const body = 'change-id: 20260101-topic-0123456789ab'
    expect(
      await shaped([
        { subject: '[PATCH] x', body },
        { subject: '[PATCH v2] renamed', file: 'b.c', body, at: 60 * 24 * 90 },
      ]),
    ).toEqual(['v1 superseded 1 of 1 | x', 'v2 complete 1 of 1 | renamed'])
  })
})

describe('comments', () => {
  const dispositions = async (letters: Letter[]) => {
    const store = await list(letters)
    return (await store.mails({ project })).map(({ disposition }) => disposition.kind)
  }
  const bob = 'Bob <bob@example.org>'

  test('below comments, also where the headers name only the mail above', async () => {
    expect(
      await dispositions([
        { subject: '[PATCH] x', id: 'a' },
        { subject: 'Re: [PATCH] x', id: 'b', re: 'a', from: bob },
        { subject: 'Re: [PATCH] x', id: 'c', re: 'b' },
        { subject: 'Something else', re: 'c', from: bob, file: undefined },
      ]),
    ).toEqual(['patch', 'comment', 'comment', 'comment'])
  })

  test('not outside of a series’ thread, and not a patch that lost its diff', async () => {
    expect(
      await dispositions([
        { subject: '[PATCH] x', id: 'a' },
        { subject: 'Re: [PATCH] y', re: 'z' },
        { subject: '[PATCH 2/2] y', re: 'a', file: undefined },
      ]),
    ).toEqual(['patch', 'not-a-patch', 'not-a-patch'])
  })

  test('one word of the author lets it be tested again once', async () => {
    const store = await list([
      { subject: '[PATCH] x', id: 'a' },
      pause({ minutes: 1, plan: true }),
      { subject: 'Re: [PATCH] x', id: 'b', re: 'a', body: 'Depends-on: <y@example.org>', at: 2 },
      pause({ minutes: 3, plan: true }),
      { subject: 'Re: [PATCH] x', id: 'c', re: 'a', body: 'Depends-on: <y@example.org>', at: 4 },
    ])
    expect(await shape(store)).toEqual(['v1 planned 1 of 1 | x'])
  })
})

describe('a mail is one mail', () => {
  const kinds = async (letters: Letter[]) => {
    const store = await list(letters)
    return (await store.mails({ project })).map(mail => mail.disposition.kind)
  }

  test('that comes again over another way', async () => {
    const mail = { subject: '[PATCH] x', id: 'a', file: 'a.c' }
    expect(await kinds([mail, { ...mail, headers: ['X-Way: two'] }])).toEqual(['patch', 'duplicate'])
  })

  test('the same Message-ID that came damaged first takes that one’s place', async () => {
    const cut = (mail: Letter) => {
      const raw = letter(mail)
      return { ...raw, raw: Buffer.from(`${raw.raw.toString().replace('\n+', '\n')}cut on the way`) }
    }
    expect(
      await shaped([
        cut({ subject: '[PATCH 1/2] one', id: 'a' }),
        { subject: '[PATCH 2/2] two', id: 'b' },
        { subject: '[PATCH 1/2] one', id: 'a', at: 1 },
        cut({ subject: '[PATCH] alone', id: 'c', at: 2 }),
        { subject: '[PATCH] alone', id: 'c', at: 3 },
        cut({ subject: '[PATCH] alone', id: 'c', at: 4, body: 'Once more.' }),
      ]),
    ).toEqual(['v1 complete 1 2 of 2 | one', 'v1 superseded 1! of 1 | alone', 'v1 complete 1 of 1 | alone'])
  })

  test('the same Message-ID with another patch in the same place is a conflict', async () => {
    expect(
      await kinds([
        { subject: '[PATCH] x', id: 'a' },
        { subject: '[PATCH] y', id: 'a', file: 'b.c' },
      ]),
    ).toEqual(['patch', 'conflict'])
  })

  test('but versions that share ids are versions', async () => {
    expect(
      await shaped([
        { subject: '[PATCH v3 1/2] x', id: 'a' },
        { subject: '[PATCH v3 2/2] y', id: 'b', re: 'a' },
        { subject: '[PATCH v4 1/2] x', id: 'a', file: 'b.c', at: 60 },
        { subject: '[PATCH v4 2/2] y', id: 'b', re: 'a', file: 'b.c', at: 60 },
      ]),
    ).toEqual(['v3 superseded 1 2 of 2 | x', 'v4 complete 1 2 of 2 | x'])
  })

  test('without a Message-ID', async () => {
    expect(await shaped([{ subject: '[PATCH] x', id: '' }])).toEqual(['v1 complete 1 of 1 | x'])
  })

  test('that was placed is not placed again', async () => {
    const store = await list([{ subject: '[PATCH 1/2] one' }, { subject: '[PATCH 2/2] two' }])
    const before = await store.seriesIn({ project })
    const clock = { now: () => start, sleep: async () => undefined }
    for (const mail of await store.mails({ project })) {
      expect(await assemble({ store, clock })(settings, mail.id)).toEqual([])
    }
    expect(await store.seriesIn({ project })).toEqual(before)
  })
})

test('the order of arrival does not change the id of a series from one run', async () => {
  const letters = [sent(1, '[PATCH 0/2] all'), sent(2, '[PATCH 1/2] one'), sent(3, '[PATCH 2/2] two')]
  const ids = async (order: Letter[]) =>
    (await (await list(order)).seriesIn({ project })).map(series => series.id)
  expect(await ids([...letters].reverse())).toEqual(await ids(letters))
})

test('base-commit of the first patch or the cover', async () => {
  const base = `base-commit: ${'ab'.repeat(20)}`
  const store = await list([
    { subject: '[PATCH 0/1] all', id: 'c', body: `Why.\n\n${base}` },
    { subject: '[PATCH 1/1] one', re: 'c' },
    { subject: '[PATCH] else', body: `Why.\n\n${base}` },
  ])
  expect((await store.seriesIn({ project })).map(series => series.baseCommit)).toEqual([
    'ab'.repeat(20),
    'ab'.repeat(20),
  ])
})
