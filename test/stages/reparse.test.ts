import { createHash } from 'node:crypto'
import { describe, expect, onTestFinished, test } from 'vitest'
import { gitMail } from '../../src/adapters/git/mail.ts'
import { openStore } from '../../src/adapters/sql/store.ts'
import { Fault } from '../../src/model/fault.ts'
import type { Disposition, Mail } from '../../src/model/mail.ts'
import { better, reparse } from '../../src/stages/receive/reparse.ts'
import { understand } from '../../src/stages/receive/understand.ts'
import { letter, project } from '../fakes/list.ts'

const patch = letter({ subject: '[PATCH 1/2] x' }).raw
const talk = letter({ subject: 'How?', file: undefined }).raw
const idOf = (raw: Buffer): string => createHash('sha256').update(raw).digest('hex')
const listTags: string[] = []
const ports = { gitMail: gitMail() }

/** A mail as an older Grapevine might have kept it: of these bytes it read nothing. */
const old = (raw: Buffer, disposition: Disposition, more: Partial<Mail> = {}): Mail => ({
  ...{ id: idOf(raw), project, source: 'test', arrivedAt: 1, size: raw.length },
  ...{ parsed: undefined, tags: undefined, patch: undefined, disposition },
  ...more,
})

const again = async (raw: Buffer) => {
  const [said] = await understand(ports)([raw], listTags)
  if (said === undefined) throw new Error('nothing was understood')
  return said
}

describe('the better of two readings', () => {
  const inSeries: Disposition = { kind: 'patch', series: 's', position: 1 }
  const cases: [string, Buffer, Disposition, Disposition][] = [
    ['no patch, and one now', patch, { kind: 'not-a-patch', why: 'discussion' }, { kind: 'new' }],
    ['unreadable, and a patch now', patch, { kind: 'unreadable', why: 'x' }, { kind: 'new' }],
    ['automatic, and a patch now', patch, { kind: 'automatic', auto: 'bot' }, { kind: 'new' }],
    ['a comment, and a patch now', patch, { kind: 'comment', series: 's' }, { kind: 'new' }],
    ['damaged without a series', patch, { kind: 'damaged', why: 'x' }, { kind: 'new' }],
    [
      'unreadable, and talk now',
      talk,
      { kind: 'unreadable', why: 'x' },
      { kind: 'not-a-patch', why: 'discussion' },
    ],
    ['another reason', talk, { kind: 'not-a-patch', why: 'x' }, { kind: 'not-a-patch', why: 'discussion' }],
    ['a comment stays', talk, { kind: 'comment', series: 's' }, { kind: 'comment', series: 's' }],
    ['in a series', patch, inSeries, inSeries],
    ['in a series, and no patch now', talk, inSeries, inSeries],
    [
      'damaged in a series',
      patch,
      { kind: 'damaged', why: 'x', series: 's' },
      { kind: 'damaged', why: 'x', series: 's' },
    ],
    ['a duplicate', patch, { kind: 'duplicate', of: 'a' }, { kind: 'duplicate', of: 'a' }],
    ['ours', patch, { kind: 'own' }, { kind: 'own' }],
    ['not looked at yet', patch, { kind: 'new' }, { kind: 'new' }],
  ]
  test.each(cases)('%s', async (_, raw, before, after) => {
    expect(better(old(raw, before), await again(raw)).disposition).toEqual(after)
  })

  test('what was read is not lost when nothing can be read', async () => {
    const known = old(patch, inSeries, await again(patch))
    expect(better(known, await again(Buffer.from('\0')))).toEqual(known)
    expect(better({ ...known, disposition: inSeries }, await again(talk)).patch).toEqual(known.patch)
  })

  test('a part of a series keeps its tags, for the series knows it by them', async () => {
    const { tags } = await again(talk)
    expect(better(old(patch, inSeries, { tags }), await again(patch)).tags).toEqual(tags)
  })

  test('mail for the bot itself never becomes a patch', async () => {
    const mail = old(patch, { kind: 'not-a-patch', why: 'x' }, { project: '@bot' })
    expect(better(mail, await again(patch))).toMatchObject({
      patch: undefined,
      disposition: mail.disposition,
    })
  })

  test('what waits to be noted goes on waiting', async () => {
    const mail = old(patch, { kind: 'new' }, { decided: { kind: 'not-a-patch', why: 'x' } })
    expect(better(mail, await again(patch))).toMatchObject({
      disposition: mail.disposition,
      decided: mail.decided,
    })
  })
})

describe('reparse', () => {
  const setUp = async (mails: Mail[]) => {
    const store = await openStore({ folder: ':memory:' })
    onTestFinished(() => store.close())
    await store.saveMails(mails, undefined)
    const bytes = new Map([patch, talk].map(raw => [idOf(raw), raw]))
    const blobs = {
      get: async (id: string) => {
        const raw = bytes.get(id)
        if (raw === undefined) throw new Fault('damaged', 'never', `${id} is gone`)
        return raw
      },
    }
    return { store, again: reparse({ ...ports, store, blobs: blobs as never }) }
  }
  const all = { listTags, mayStart: () => true }
  const unread = { kind: 'unreadable', why: 'x' } as const

  test('keeps what is better; done again, it changes nothing', async () => {
    const { store, again } = await setUp([old(patch, unread), old(talk, unread)])
    const first = await again(await store.mails({}), all)
    expect(first.map(({ isNew, isChanged }) => [isNew, isChanged])).toEqual([
      [true, true],
      [false, true],
    ])
    const kept = await store.mails({})
    expect(kept).toMatchObject([
      { disposition: { kind: 'new' }, patch: { files: [{ after: 'a.c' }] } },
      { disposition: { kind: 'not-a-patch' }, parsed: { subject: 'How?' } },
    ])
    expect((await again(kept, all)).map(({ isChanged }) => isChanged)).toEqual([false, false])
    expect(await store.mails({})).toEqual(kept)
  })

  test('what may not start is read anew, and stays what it was', async () => {
    const { store, again } = await setUp([old(patch, unread)])
    const [done] = await again(await store.mails({}), { ...all, mayStart: () => false })
    expect(done).toMatchObject({ isNew: true, isChanged: true, after: { disposition: { kind: 'new' } } })
    expect(await store.mails({})).toMatchObject([{ disposition: unread, tags: { title: 'x' } }])
  })

  test('a mail that somebody else placed meanwhile keeps its place', async () => {
    const { store, again } = await setUp([old(patch, unread)])
    const read = await store.mails({})
    await store.setDisposition(project, idOf(patch), { kind: 'own' })
    expect((await again(read, all)).map(({ isChanged }) => isChanged)).toEqual([false])
    expect((await store.mails({}))[0]?.disposition).toEqual({ kind: 'own' })
  })

  test('a mail whose bytes are gone is told, and stops no other', async () => {
    const gone = { ...old(talk, unread), id: 'f'.repeat(64) }
    const { store, again } = await setUp([gone, old(patch, unread)])
    const done = await again(await store.mails({}), all)
    expect(done.map(({ lost, isChanged }) => [lost, isChanged])).toEqual([
      [`${gone.id} is gone`, false],
      [undefined, true],
    ])
  })
})
