// The fifteen rules of patch mails that a first version gets wrong, each by its number: what they mean for series. What they mean for
// single mails stands in the tests of text/ and stages/receive; those are named where a rule is theirs.
import { describe, expect, onTestFinished, test } from 'vitest'
import { parseSubject } from '../../src/text/subject.ts'
import { diff, type Letter, letter, pause, play, project, shape, start } from '../fakes/list.ts'

const list = async (letters: Parameters<typeof play>[0]) => {
  const store = await play(letters)
  onTestFinished(() => store.close())
  return store
}
const shaped = async (letters: Parameters<typeof play>[0]) => shape(await list(letters))
const counter = (subject: string) => {
  const { position, total, version } = parseSubject(subject, ['LTP'])
  return `v${version} ${position ?? '-'}/${total ?? '-'}`
}
const bob = 'Bob <bob@example.org>'

describe('rule 1: all leading brackets are read, list tags are none of the patch', () => {
  test('behind a list tag', async () => {
    expect(
      await shaped([{ subject: '[LTP] [PATCH v3 1/2] one' }, { subject: '[LTP] [RFC] [PATCH v3 2/2] two' }]),
    ).toEqual(['v3 complete 1 2 of 2 | one'])
  })
})

describe('rule 2: versions and counters in any form', () => {
  test.each([
    ['[v6,19/24] x', 'v6 19/24'],
    ['[PATCHv2] x', 'v2 -/-'],
    ['[PATCH (v2)] x', 'v2 -/-'],
    ['[PATCH] [1/2] x', 'v1 1/2'],
    ['[PATCH 1 of 2] x', 'v1 1/2'],
    ['[PATCH v1.1 2/2] x', 'v1 2/2'],
    ['[PATCH 3/n] x', 'v1 3/-'],
  ])('%s', (subject, said) => expect(counter(subject)).toBe(said))

  test('parts that write them in different ways are one series', async () => {
    expect(await shaped([{ subject: '[PATCHv2 1 of 2] one' }, { subject: '[v2,2/2] two' }])).toEqual([
      'v2 complete 1 2 of 2 | one',
    ])
  })
})

describe('rule 3: not every a/b is a counter', () => {
  test.each([
    ['[PATCH] 32/64 bit', 'v1 -/-'],
    ['[PATCH 5.10/5.15] x', 'v1 -/-'],
    ['[PATCH 0.5/5] x', 'v1 -/-'],
  ])('%s', (subject, said) => expect(counter(subject)).toBe(said))

  test('13/11 is an addition to eleven', async () => {
    const parts = Array.from({ length: 13 }, (_, i) => i + 1)
    const letters = parts.map(n => ({ subject: `[PATCH ${n}/11] p${n}`, ...(n === 1 ? {} : { re: 'a' }) }))
    const [first = { subject: '' }, ...others] = letters
    expect(await shaped([{ ...first, id: 'a' }, ...others])).toEqual([
      `v1 complete ${parts.join(' ')} of 13 | p1`,
    ])
  })
})

describe('rule 4: versions differ inside one posting; v2 in reply to v1 is a new series', () => {
  test('v13 0/2 with a bare 2/2', async () => {
    expect(
      await shaped([
        { subject: '[PATCH v13 0/2] all', id: 'c' },
        { subject: '[PATCH v13 1/2] one', re: 'c' },
        { subject: '[PATCH 2/2] two', re: 'c' },
      ]),
    ).toEqual(['v13 complete 0 1 2 of 2 | all'])
  })

  test('v2 under v1', async () => {
    expect(
      await shaped([
        { subject: '[PATCH 0/1] all', id: 'c' },
        { subject: '[PATCH 1/1] one', id: 'p', re: 'c' },
        { subject: '[PATCH v2 0/1] all', id: 'd', re: 'c' },
        { subject: '[PATCH v2 1/1] one', re: 'd' },
      ]),
    ).toEqual(['v1 superseded 0 1 of 1 | all', 'v2 complete 0 1 of 1 | all'])
  })

  test('the run of the sending program is better evidence than the thread', async () => {
    const sent = (n: number) => `20260105120000.4711-${n}-ann@example.org`
    expect(
      await shaped([
        { subject: '[PATCH 1/2] one', id: sent(1) },
        { subject: '[PATCH v2 2/2] two', id: sent(2) },
      ]),
    ).toEqual(['v2 complete 1 2 of 2 | one'])
  })
})

describe('rule 5: a Message-ID alone is no identity', () => {
  test('another patch under the same id is a conflict, and shown', async () => {
    const store = await list([
      { subject: '[PATCH] x', id: 'a' },
      { subject: '[PATCH] y', id: 'a', file: 'b.c' },
    ])
    const [first, second] = await store.mails({ project })
    expect(second?.disposition).toEqual({
      kind: 'conflict',
      of: first?.id,
      why: 'the same Message-ID came with another patch before',
    })
  })

  test('versions that share ids are versions', async () => {
    expect(
      await shaped([
        { subject: '[PATCH v3] x', id: 'a' },
        { subject: '[PATCH v4] x', id: 'a', file: 'b.c', at: 60 },
      ]),
    ).toEqual(['v3 superseded 1 of 1 | x', 'v4 complete 1 of 1 | x'])
  })
})

describe('rule 6: neither a cover letter nor threading is needed', () => {
  test('neither is there', async () => {
    expect(await shaped([{ subject: '[PATCH 1/2] one' }, { subject: '[PATCH 2/2] two', at: 30 }])).toEqual([
      'v1 complete 1 2 of 2 | one',
    ])
  })

  test('two authors with the same n/m at the same time', async () => {
    expect(
      await shaped([
        { subject: '[PATCH 1/2] one' },
        { subject: '[PATCH 1/2] uno', from: bob },
        { subject: '[PATCH 2/2] due', from: bob },
        { subject: '[PATCH 2/2] two' },
      ]),
    ).toEqual(['v1 complete 1 2 of 2 | one', 'v1 complete 1 2 of 2 | uno'])
  })
})

describe('rule 7: out of order and late; never dropped', () => {
  test('backwards', async () => {
    expect(
      await shaped([
        { subject: '[PATCH 2/2] two', re: 'c' },
        { subject: '[PATCH 1/2] one', re: 'c' },
        { subject: '[PATCH 0/2] all', id: 'c' },
      ]),
    ).toEqual(['v1 complete 0 1 2 of 2 | all'])
  })

  test('a week late, by the thread', async () => {
    expect(
      await shaped([
        { subject: '[PATCH 1/2] one', id: 'a' },
        pause({ days: 7 }),
        { subject: '[PATCH 2/2] two', re: 'a' },
      ]),
    ).toEqual(['v1 complete 1 2 of 2 | one'])
  })

  test('a cover that comes last changes no state', async () => {
    const store = await list([{ subject: '[PATCH 1/1] one', re: 'c' }])
    const [series] = await store.seriesIn({ project })
    expect(series?.state).toEqual({ at: 'complete' })
  })
})

describe('rule 8: a new version of some parts only is filled from the one before', () => {
  const first: Letter[] = [
    { subject: '[PATCH 0/3] all', id: 'c' },
    { subject: '[PATCH 1/3] one', id: 'p1', re: 'c' },
    { subject: '[PATCH 2/3] two', id: 'p2', re: 'c' },
    { subject: '[PATCH 3/3] three', id: 'p3', re: 'c' },
  ]
  const filled = 'v2 complete 1<v1 2 3<v1 of 3 | two'

  test('numbered', async () => {
    expect(
      await shaped([...first, { subject: '[PATCH v2 2/3] two', re: 'p2', at: 60 }, pause({ minutes: 75 })]),
    ).toEqual(['v1 superseded 0 1 2 3 of 3 | all', filled])
  })

  test('not numbered, in reply to the part', async () => {
    expect(
      await shaped([...first, { subject: '[PATCH v2] two', re: 'p2', at: 60 }, pause({ minutes: 75 })]),
    ).toEqual(['v1 superseded 0 1 2 3 of 3 | all', filled])
  })

  test('not numbered, in reply to a review of it, and renamed', async () => {
    expect(
      await shaped([
        ...first,
        { subject: 'Re: [PATCH 2/3] two', id: 'r', re: 'p2', from: bob },
        {
          subject: '[PATCH v2] better',
          re: 'r',
          headers: ['References: <c@example.org> <p2@example.org> <r@example.org>'],
          at: 60,
        },
        pause({ minutes: 75 }),
      ]),
    ).toEqual(['v1 superseded 0 1 2 3 of 3 | all', 'v2 complete 1<v1 2 3<v1 of 3 | better'])
  })

  test('not before its time, and the older version stays until then', async () => {
    expect(await shaped([...first, { subject: '[PATCH v2 2/3] two', re: 'p2', at: 60 }])).toEqual([
      'v1 complete 0 1 2 3 of 3 | all',
      'v2 collecting 2 of 3 | two',
    ])
  })

  test('unthreaded, by its title', async () => {
    expect(
      await shaped([...first, { subject: '[PATCH v2 2/3] two', at: 60 }, pause({ minutes: 75 })]),
    ).toEqual(['v1 superseded 0 1 2 3 of 3 | all', filled])
  })

  test('a second part, hours later, takes its place and the series is tested again', async () => {
    expect(
      await shaped([
        ...first,
        { subject: '[PATCH v2] two', re: 'p2', at: 60 },
        { subject: '[PATCH v2 3/3] three', re: 'p3', at: 600 },
      ]),
    ).toEqual(['v1 superseded 0 1 2 3 of 3 | all', 'v2 complete 1<v1 2 3 of 3 | two'])
  })

  test('v3 of one part is filled from v2 as it was filled', async () => {
    expect(
      await shaped([
        ...first,
        { subject: '[PATCH v2 2/3] two', id: 'q2', re: 'p2', at: 60 },
        { subject: '[PATCH v3 3/3] three', re: 'p3', at: 600 },
        pause({ minutes: 700 }),
      ]),
    ).toEqual([
      'v1 superseded 0 1 2 3 of 3 | all',
      'v2 superseded 1<v1 2 3<v1 of 3 | two',
      'v3 complete 1<v1 2<v2 3 of 3 | three',
    ])
  })

  test('one part sent again as it was, in its own version', async () => {
    expect(
      await shaped([
        ...first,
        { subject: '[RESEND PATCH 2/3] two', re: 'p2', at: 60, file: 'b.c' },
        pause({ days: 1 }),
      ]),
    ).toEqual(['v1 superseded 0 1 2 3 of 3 | all', 'v1 complete 1<v1 2 3<v1 of 3 | two'])
  })

  const waiting: [string, Letter][] = [
    ['another author', { subject: '[PATCH v2 2/3] two', re: 'p2', from: bob }],
    ['another length', { subject: '[PATCH v2 2/4] two', re: 'p2' }],
    ['for another branch', { subject: '[PATCH 5.10 v2 2/3] two', re: 'p2' }],
    ['neither thread nor title', { subject: '[PATCH v2 2/3] else' }],
  ]
  test.each(waiting)('nothing fits: %s', async (_, newer) => {
    const lines = await shaped([...first, { at: 60, ...newer }, pause({ days: 1 })])
    expect(lines[0]).toBe('v1 complete 0 1 2 3 of 3 | all')
    expect(lines[1]).toMatch(/^v2 incomplete 2 of/)
  })

  test('with a cover letter all parts were sent: it waits for them', async () => {
    const lines = await shaped([
      ...first,
      { subject: '[PATCH v2 0/3] all', id: 'd', re: 'c', at: 60 },
      { subject: '[PATCH v2 2/3] two', re: 'd', at: 60 },
      pause({ days: 1 }),
    ])
    expect(lines[1]).toBe('v2 incomplete 0 2 of 3 | all')
  })

  test('a part of somebody else’s series is a series of its own', async () => {
    expect(
      await shaped([...first, { subject: '[PATCH v2] two', re: 'p2', from: bob }, pause({ days: 1 })]),
    ).toEqual(['v1 complete 0 1 2 3 of 3 | all', 'v2 complete 1 of 1 | two'])
  })
})

describe('rule 9: From: rewritten by the list', () => {
  test('parts through the list and straight are of one author', async () => {
    const reply = 'Reply-To: Ann Author <ann@example.org>'
    expect(
      await shaped([
        { subject: '[PATCH 1/2] one', from: 'Ann Author via list <list@example.org>', headers: [reply] },
        { subject: '[PATCH 2/2] two' },
      ]),
    ).toEqual(['v1 complete 1 2 of 2 | one'])
  })

  test('two authors through the same list are two', async () => {
    const via = (name: string, address: string) => ({
      from: `${name} via list <list@example.org>`,
      headers: [`Reply-To: ${name} <${address}>`],
    })
    expect(
      await shaped([
        { subject: '[PATCH 1/2] one', ...via('Ann Author', 'ann@example.org') },
        { subject: '[PATCH 2/2] due', ...via('Bob', 'bob@example.org') },
      ]),
    ).toEqual(['v1 collecting 1 of 2 | one', 'v1 collecting 2 of 2 | due'])
  })
})

describe('rule 10: broken threading headers', () => {
  test.each([
    'In-Reply-To: 3f1c2a9d0b7e4f5a6b7c8d9e0f1a2b3c4d5e6f70',
    'In-Reply-To: <PASTE-MESSAGE-ID-HERE>',
    'In-Reply-To: x () y ! com',
    'In-Reply-To: =?utf-8?q?=3Ca=40b=3E?=',
    'In-Reply-To: <yes>',
    'References: <a@b> <a@b>\nReferences: <c@d>',
    'In-Reply-To:',
  ])('%s', async header => {
    expect(
      await shaped([
        { subject: '[PATCH 1/2] one', headers: header.split('\n') },
        { subject: '[PATCH 2/2] two', headers: header.split('\n') },
      ]),
    ).toEqual(['v1 complete 1 2 of 2 | one'])
  })

  test('an empty Message-ID', async () => {
    expect(
      await shaped([
        { subject: '[PATCH 1/2] one', id: '', headers: ['Message-ID: <>'] },
        { subject: '[PATCH 2/2] two', id: '' },
      ]),
    ).toEqual(['v1 complete 1 2 of 2 | one'])
  })
})

describe('rule 11: encodings and damage', () => {
  const broken = diff('b.c').replace('-1,2 +1,2', '-1,9 +1,9')
  const damaged: Letter = {
    subject: '[PATCH 2/2] two',
    id: 'bad',
    re: 'a',
    file: undefined,
    body: `Why.\n\nSigned-off-by: Ann Author <ann@example.org>\n${broken}`,
  }

  test('a damaged part is in its series, so that none is told as missing', async () => {
    const store = await list([{ subject: '[PATCH 1/2] one', id: 'a' }, damaged])
    expect(await shape(store)).toEqual(['v1 complete 1 2! of 2 | one'])
    const [, mail] = await store.mails({ project })
    expect(mail?.disposition).toMatchObject({ kind: 'damaged', position: 2 })
  })

  test('sent again whole, it takes the place of the damaged one', async () => {
    const lines = await shaped([
      { subject: '[PATCH 1/2] one', id: 'a' },
      damaged,
      { subject: '[PATCH 2/2] two', id: 'good', re: 'a', at: 20 },
    ])
    expect(lines).toEqual(['v1 complete 1 2 of 2 | one'])
  })

  test('base64 beside plain text', async () => {
    const plain = letter({ subject: '[PATCH 2/2] two' })
    const [head = '', ...rest] = plain.raw.toString().split('\n\n')
    const body = Buffer.from(rest.join('\n\n')).toString('base64').replace(/.{76}/g, '$&\n')
    const type =
      'MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64'
    expect(
      await shaped([
        { subject: '[PATCH 1/2] one' },
        { ...plain, raw: Buffer.from(`${head}\n${type}\n\n${body}\n`) },
      ]),
    ).toEqual(['v1 complete 1 2 of 2 | one'])
  })
})

describe('rule 12: footers and signatures', () => {
  test('what a list adds below changes no patch: the same mail over two ways is one', async () => {
    const one = letter({ subject: '[PATCH] x', id: 'a' })
    const footer = '\n-- \nMailing list info: https://lists.example.org/listinfo/ltp\n'
    const store = await list([one, { ...one, raw: Buffer.concat([one.raw, Buffer.from(footer)]) }])
    expect((await store.mails({ project })).map(({ disposition }) => disposition.kind)).toEqual([
      'patch',
      'duplicate',
    ])
  })
})

describe('rule 13: a diff is no submission, and a reply may be one', () => {
  test('a reply that quotes the patch is a comment on its series', async () => {
    const store = await list([
      { subject: '[PATCH 1/1] one', id: 'a' },
      {
        subject: 'Re: [PATCH 1/1] one',
        re: 'a',
        body: `On Monday Ann wrote:\n> ${diff('a.c').replaceAll('\n', '\n> ')}`,
      },
    ])
    const [series] = await store.seriesIn({ project })
    const [, reply] = await store.mails({ project })
    expect(reply?.disposition).toEqual({ kind: 'comment', series: series?.id })
  })

  test('a patch sent into a discussion is a series', async () => {
    expect(
      await shaped([
        { subject: 'How about it?', id: 'q', file: undefined },
        { subject: '[PATCH] how', re: 'q', from: bob },
      ]),
    ).toEqual(['v1 complete 1 of 1 | how'])
  })

  test('a patch in reply to part 3/7 of somebody else is one of its own', async () => {
    expect(
      await shaped([
        { subject: '[PATCH 1/2] one', id: 'a' },
        { subject: '[PATCH 2/2] two', id: 'b', re: 'a' },
        { subject: '[PATCH] mine', re: 'b', from: bob },
      ]),
    ).toEqual(['v1 complete 1 2 of 2 | one', 'v1 complete 1 of 1 | mine'])
  })
})

describe('rule 14: dates lie; arrival decides', () => {
  test.each(['Fri, 1 Jan 2077 00:00:00 +0000', 'Mon, 5 Jan 1970 12:00:00 +1900', 'yesterday'])(
    'Date: %s',
    async date => {
      const dated = (subject: string) => {
        const mail = letter({ subject })
        return { ...mail, raw: Buffer.from(mail.raw.toString().replace(/^Date: .*$/m, `Date: ${date}`)) }
      }
      const store = await list([dated('[PATCH 1/2] one'), letter({ subject: '[PATCH 2/2] two', at: 5 })])
      const [series] = await store.seriesIn({ project })
      expect(series).toMatchObject({ state: { at: 'complete' }, firstAt: start, lastAt: start + 300_000 })
    },
  )
})

describe('rule 15: what tests again, and what does not', () => {
  const posted: Letter[] = [
    { subject: '[PATCH 0/1] all', id: 'c' },
    { subject: '[PATCH 1/1] one', id: 'p', re: 'c' },
  ]
  const reply = (body: string, more: Partial<Letter> = {}): Letter => ({
    subject: 'Re: [PATCH 0/1] all',
    id: 'later',
    re: 'c',
    body,
    ...more,
  })
  const afterPlan = async (letters: Letter[]) => {
    const store = await list([...posted, pause({ minutes: 1, plan: true }), ...letters])
    const [series] = await store.seriesIn({ project })
    return { at: series?.state.at, on: series?.links?.dependsOn.messageIds, base: series?.baseCommit }
  }

  test('Based-on: by its author, later, lets the series be tested again', async () => {
    expect(await afterPlan([reply('Based-on: <other@example.org>')])).toEqual({
      at: 'complete',
      on: ['<other@example.org>'],
      base: undefined,
    })
  })

  test('a base, too', async () => {
    const base = 'ab'.repeat(20)
    expect(await afterPlan([reply(`base-commit: ${base}`)])).toMatchObject({ at: 'complete', base })
  })

  test.each([
    ['Reviewed-by: is no reason', reply('Reviewed-by: Bob <bob@example.org>')],
    ['a quoted line is none', reply('> Based-on: <other@example.org>')],
    ['somebody else’s word is none', reply('Based-on: <other@example.org>', { from: bob })],
  ])('%s', async (_, mail) => {
    expect(await afterPlan([mail])).toEqual({ at: 'planned', on: undefined, base: undefined })
  })
})
