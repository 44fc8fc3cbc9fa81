// What every mail source promises, run on each of them.
import { describe, expect, it, onTestFinished } from 'vitest'
import { Fault } from '../../src/model/fault.ts'
import type { Cursor, MailBatch, MailSource, RawMail } from '../../src/ports/mail-source.ts'

/** A mail store on the disk, and a way to put mails into it, in order, as its own programs do. */
export type StoreUnderTest = { source: () => MailSource; add: (raws: Buffer[]) => Promise<void> }
export type Make = () => Promise<StoreUnderTest>

/** A small mail; its text has the lines that mail stores stumble over. */
export const sampleMail = (n: number, text = `Mail number ${n}.\n`): Buffer =>
  Buffer.from(
    [
      'Received: from a.example.org by b.example.org; Mon, 5 Jan 2026 10:00:00 +0000',
      'From: Sofia <sofia@example.org>',
      `Subject: mail ${n}`,
      `Message-ID: <${n}@example.org>`,
      '',
      text,
      'From here on it is about From lines.',
      '>From the top',
      '>>From the top, quoted',
      '',
      'From now on',
      '\xe4 is no UTF-8',
      '',
    ].join('\n'),
    'latin1',
  )

export const sampleMails = (from: number, to: number): Buffer[] =>
  Array.from({ length: to - from }, (_, i) => sampleMail(from + i))

export const readBatches = async (source: MailSource, cursor?: Cursor): Promise<MailBatch[]> =>
  Array.fromAsync(source.read(cursor))

export const mailsOf = (batches: MailBatch[]): RawMail[] => batches.flatMap(batch => batch.mails)

/** Reads on and keeps the cursor, as the bot does: through JSON. */
export const follow = (source: () => MailSource) => {
  let cursor: Cursor
  return async (): Promise<string[]> => {
    const batches = await readBatches(source(), cursor)
    const last = batches.at(-1)
    if (last !== undefined) cursor = JSON.parse(JSON.stringify(last.cursor))
    return texts(mailsOf(batches))
  }
}

export const texts = (mails: RawMail[]): string[] => mails.map(mail => mail.raw.toString('latin1'))
const expected = (raws: Buffer[]): string[] => raws.map(raw => raw.toString('latin1'))

/** @param atMost mails that a batch of this source may have. */
export const mailSourceContract = (kind: string, make: Make, missing: MailSource, atMost = 100): void => {
  describe(`${kind}: what every source promises`, () => {
    it('hands out every mail, byte for byte, in order of arrival', async () => {
      const { source, add } = await make()
      const raws = sampleMails(0, 250)
      await add(raws)
      expect(texts(mailsOf(await readBatches(source())))).toEqual(expected(raws))
    })

    it('has nothing to say of an empty store', async () => {
      const { source } = await make()
      expect(await readBatches(source())).toEqual([])
    })

    it('reads on where it stopped: nothing twice, nothing missed', async () => {
      const { source, add } = await make()
      const next = follow(source)
      await add(sampleMails(0, 3))
      expect(await next()).toEqual(expected(sampleMails(0, 3)))
      expect(await next()).toEqual([])
      await add(sampleMails(3, 4))
      await add(sampleMails(4, 6))
      expect(await next()).toEqual(expected(sampleMails(3, 6)))
      await add(sampleMails(6, 150))
      expect(await next()).toEqual(expected(sampleMails(6, 150)))
      expect(await next()).toEqual([])
    })

    it('gives the same mails again for the same cursor, whichever batch it is from', async () => {
      const { source, add } = await make()
      await add(sampleMails(0, 10))
      const first = (await readBatches(source())).at(-1)?.cursor
      await add(sampleMails(10, 2 * atMost + 30))
      const batches = await readBatches(source(), first)
      expect(batches.length).toBeGreaterThan(2)
      for (const [i, batch] of batches.entries()) {
        const rest = texts(mailsOf(batches.slice(i + 1)))
        for (const _again of [1, 2])
          expect(
            texts(mailsOf(await readBatches(source(), JSON.parse(JSON.stringify(batch.cursor))))),
          ).toEqual(rest)
      }
    })

    it('keeps batches small, by number and by size', async () => {
      const { source, add } = await make()
      const large = 'x'.repeat(78).concat('\n').repeat(40_000)
      const small = 2 * atMost + 20
      await add([...sampleMails(0, small), ...[1, 2, 3, 4, 5, 6].map(n => sampleMail(1000 + n, large))])
      const batches = await readBatches(source())
      const bytes = ({ mails }: MailBatch) => mails.reduce((sum, { raw }) => sum + raw.length, 0)
      expect(mailsOf(batches).length).toBe(small + 6)
      expect(Math.max(...batches.map(batch => batch.mails.length))).toBe(atMost)
      expect(Math.max(...batches.map(bytes))).toBeLessThan(8 * 2 ** 20 + large.length * 1.1)
    })

    it('says when and where each mail arrived', async () => {
      const { source, add } = await make()
      await add(sampleMails(0, 2))
      const mails = mailsOf(await readBatches(source()))
      expect(mails.map(mail => mail.arrivedAt)).toEqual([arrival(0), arrival(1)])
      expect(new Set(mails.map(mail => mail.where)).size).toBe(2)
    })

    it('stops when told to', async () => {
      const { source, add } = await make()
      await add(sampleMails(0, 2 * atMost + 50))
      const stop = new AbortController()
      const read = async () => {
        for await (const _batch of source().read(undefined, stop.signal)) stop.abort(new Error('enough'))
      }
      await expect(read()).rejects.toThrow('enough')
    })

    it('reads from the start where the cursor is not one of its own', async () => {
      const { source, add } = await make()
      await add(sampleMails(0, 2))
      expect(mailsOf(await readBatches(source(), { uid: 7 })).length).toBe(2)
    })

    it('wakes when mail comes, and no more once it is told to stop', async () => {
      const { source, add } = await make()
      await add(sampleMails(0, 1))
      const woken = Promise.withResolvers<void>()
      const stop = source().watch(woken.resolve)
      onTestFinished(stop)
      // The watch may begin a moment after `watch` returns: mail comes until it is noticed.
      for (let n = 1, noticed = false; !noticed; n++) {
        await add(sampleMails(n, n + 1))
        noticed = await Promise.race([
          woken.promise.then(() => true),
          new Promise<false>(done => setImmediate(done, false)),
        ])
      }
      await woken.promise
    })

    it('names the path and a remedy when nothing is there', async () => {
      const fault = await readBatches(missing).catch(error => error)
      expect(fault).toBeInstanceOf(Fault)
      expect(fault).toMatchObject({
        kind: 'refused',
        message: expect.stringContaining('/nowhere/'),
        remedy: expect.any(String),
      })
    })
  })
}

/** When sample mail number `n` of a store arrives: a minute after the one before. */
export const arrival = (n: number): number => Date.UTC(2026, 0, 5, 12) + n * 60_000
