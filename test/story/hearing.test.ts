// Who gets which mail, told as stories: a list's mails in, the whole flow, mails out.
import { afterEach, describe, expect, it } from 'vitest'
import type { ReplyPolicy } from '../../src/config/config.ts'
import type { OutgoingMail } from '../../src/model/reply.ts'
import type { RawMail } from '../../src/ports/mail-source.ts'
import { heal } from '../../src/wiring/bot.ts'
import { conclude } from '../../src/wiring/conclude.ts'
import type { Wired } from '../../src/wiring/wire.ts'
import type { FakeClock } from '../fakes/clock.ts'
import type { Behaviour } from '../fakes/farm.ts'
import { type Flow, openFlow, project } from '../fakes/flow.ts'

const dayMs = 86_400_000

const mail = (id: string, subject: string, headers: string[] = []): RawMail => ({
  raw: Buffer.from(
    [
      ...(headers.some(line => line.startsWith('From:')) ? [] : ['From: Rosa Quill <rosa@example.com>']),
      ...['To: tally-devel@example.org', `Subject: ${subject}`, `Message-ID: <${id}@example.com>`],
      ...['Date: Mon, 05 Jan 2026 11:00:00 +0000', ...headers, '', 'Better.', '---', ''],
      ...[
        `diff --git a/${id}.c b/${id}.c`,
        'index 1111111..2222222 100644',
        `--- a/${id}.c`,
        `+++ b/${id}.c`,
      ],
      ...['@@ -1 +1 @@', '-int a;', `+int ${id.replace(/\W/g, '')};`, '-- ', '2.39.5', ''],
    ].join('\n'),
  ),
  arrivedAt: Date.UTC(2026, 0, 5, 11),
  where: id,
})

const behave: Behaviour = (command, guest) => {
  if (command.name !== 'all') return { ending: { kind: 'finished', exitCode: 0 } }
  const breaks = [...guest.files.values()].some(bytes => bytes.includes('BREAKS'))
  return {
    ending: { kind: 'finished', exitCode: breaks ? 1 : 0 },
    output: `TAP version 13\n1..2\nok 1 - counts\n${breaks ? 'not ok' : 'ok'} 2 - sums\n`,
  }
}

describe('who hears', () => {
  let flow: Flow
  afterEach(() => flow.close())

  const open = async (
    rules: Partial<ReplyPolicy> = {},
    more: { caps?: Partial<Wired['config']['mail']['caps']>; pass?: (call: string) => void } = {},
  ): Promise<void> => {
    flow = await openFlow(behave, more.pass)
    const own = { ...project, reply: { ...project.reply, ...rules } }
    const { mail } = flow.wired.config
    flow.wired.project = () => own
    flow.wired.config = {
      ...flow.wired.config,
      projects: [own],
      mail: { ...mail, caps: { ...mail.caps, ...more.caps } },
    }
  }
  const play = async (...mails: RawMail[]): Promise<void> => {
    await flow.bring(mails)
    await flow.settle()
  }
  const later = async (ms: number): Promise<void> => {
    await (flow.wired.clock as FakeClock).advance(ms)
    await flow.settle()
  }
  const to = ({ to, cc }: OutgoingMail): string => [...to, ...cc].map(({ address }) => address).join(' ')
  const told = async (title: string) => {
    const { store } = flow.wired
    const found = (await store.seriesIn({})).filter(series => series.title.includes(title)).at(-1)
    return found && (await store.verdict(found.id))?.told
  }
  const everybody = 'rosa@example.com tally-devel@example.org'

  it('three versions: the second has nothing new, the third is well', async () => {
    await open()
    await play(mail('a1', '[PATCH] tally: BREAKS it'))
    await play(mail('a2', '[PATCH v2] tally: BREAKS it'))
    expect(flow.sent.map(to)).toEqual([everybody])
    expect((await told('BREAKS'))?.silence).toEqual({
      kind: 'unchanged',
      why: 'nothing has changed since v1',
    })
    await play(mail('a3', '[PATCH v3] tally: fails no more', ['In-Reply-To: <a2@example.com>']))
    expect(flow.sent.map(to)).toEqual([everybody, 'rosa@example.com'])
  })

  it('a retest with another outcome is a follow-up below the first reply; with the same, nothing', async () => {
    await open()
    await play(
      mail('b1', '[PATCH] tally: fine', [
        'References: <root@example.com>',
        'In-Reply-To: <root@example.com>',
      ]),
    )
    const [first] = flow.sent
    expect(first?.references).toEqual(['<root@example.com>', '<b1@example.com>'])
    const [series] = await flow.wired.store.seriesIn({})
    const verdict = await flow.wired.store.verdict(series?.id ?? '')
    if (!verdict) throw new Error('there is no verdict')
    const { told: _, ...again } = verdict
    await conclude(flow.wired, { ...again, job: 'again' })
    await flow.settle()
    expect(flow.sent).toHaveLength(1)
    const failing = verdict.images.map(image => ({
      ...image,
      kind: 'new-failures' as const,
      newFailures: [
        { step: 'all', test: 'sums', message: 'no', ending: { kind: 'finished' as const, exitCode: 1 } },
      ],
    }))
    const worse = { ...again, job: 'worse', finding: { kind: 'new-failures' as const }, images: failing }
    // Said twice by a crash, heard once.
    await conclude(flow.wired, worse)
    await conclude(flow.wired, worse)
    await flow.settle()
    expect(flow.sent).toHaveLength(2)
    const second = flow.sent[1]
    expect(second?.inReplyTo).toBe(first?.messageId)
    expect(second?.references).toEqual([...(first?.references ?? []), first?.messageId])
    expect(second?.text).toMatch(/^This replaces my earlier reply: then, all was well\.\n/)
    expect(to(second as OutgoingMail)).toBe(everybody)
    // What was said on the list is taken back on the list.
    await conclude(flow.wired, { ...again, job: 'well again' })
    await flow.settle()
    expect(flow.sent.map(to)).toEqual(['rosa@example.com', everybody, everybody])
  })

  it('over the cap: kept, not sent, one alert a day, and an incident until it is over', async () => {
    await open({}, { caps: { total: 1 } })
    await play(
      mail('c1', '[PATCH] one: BREAKS'),
      mail('c2', '[PATCH] two: x'),
      mail('c3', '[PATCH] three: x'),
    )
    const alerts = flow.sent.filter(({ subject }) => subject.includes('mail was kept back'))
    expect(alerts.map(to)).toEqual(['olga@example.org'])
    expect(flow.sent).toHaveLength(2)
    const kept = await flow.wired.store.repliesAt('failed')
    expect(kept).toHaveLength(2)
    for (const { state } of kept) expect(state).toMatchObject({ why: expect.stringContaining('not sent: ') })
    expect(await flow.wired.store.incidents({ open: true })).toMatchObject([{ trouble: 'mail-capped' }])
    await later(3 * dayMs)
    expect(await flow.wired.store.incidents({ open: true })).toEqual([])
    expect(flow.sent).toHaveLength(2)
  })

  it('a cap of the author leaves the list its news', async () => {
    await open({}, { caps: { author: 1 } })
    await play(mail('d1', '[PATCH] one: fine'), mail('d2', '[PATCH] two: BREAKS'))
    expect(flow.sent.map(to).sort()).toEqual(
      ['olga@example.org', 'rosa@example.com', 'tally-devel@example.org'].sort(),
    )
  })

  it('a digest: one mail a day to the list, what fails first; a day without news has none', async () => {
    await open({ author: 'never', list: 'digest' })
    await play(mail('e1', '[PATCH] one: fine'), mail('e2', '[PATCH] two: BREAKS'))
    expect(flow.sent).toEqual([])
    await later(dayMs)
    await later(60_000)
    expect(flow.sent.map(to)).toEqual(['tally-devel@example.org'])
    const [digest] = flow.sent
    expect(digest?.headers).toMatchObject({
      'Auto-Submitted': 'auto-generated',
      'X-Grapevine-Digest': '2026-01-06',
    })
    await expect(digest?.text).toMatchFileSnapshot('golden-digest/digest.txt')
    await later(2 * dayMs)
    expect(flow.sent).toHaveLength(1)
    await play(mail('e3', '[PATCH] three: fine'))
    await later(dayMs)
    expect(flow.sent).toHaveLength(2)
    expect(flow.sent[1]?.text).not.toContain('one: fine')
  })

  it('a digest whose maker dies at any moment leaves once', async () => {
    for (const when of ['before store.addDigest', 'after store.addDigest']) {
      let deaths = 1
      const pass = (call: string) => {
        if (call === when && deaths-- > 0) throw new Error('killed')
      }
      await open({ author: 'never', list: 'digest' }, { pass })
      await play(mail('f1', '[PATCH] one: BREAKS'))
      await (flow.wired.clock as FakeClock).advance(dayMs)
      await expect(heal(flow.wired)).rejects.toThrow('killed')
      await flow.restart()
      await flow.settle()
      await later(60_000)
      expect(flow.sent).toHaveLength(1)
      if (when.startsWith('before')) await flow.close()
    }
  })

  it('a forged author hears nothing, the list hears what fails', async () => {
    await open()
    const forged = ['Reply-To: eve@example.net']
    await play(mail('g1', '[PATCH] one: BREAKS', forged), mail('g2', '[PATCH] two: fine', forged))
    expect(flow.sent.map(to)).toEqual(['tally-devel@example.org'])
    expect(await told('two')).toMatchObject({ author: false, silence: { kind: 'forbidden' } })
    flow.wired.mailAuth = { verify: async () => ({ dkim: [], aligned: true }) }
    await play(mail('g3', '[PATCH] three: fine', forged))
    expect(flow.sent.map(to)).toEqual(['tally-devel@example.org', 'rosa@example.com'])
  })

  it('whose mail came back is not written to', async () => {
    await open()
    const silence = { since: 0, until: undefined, why: 'unsubscribed' as const, detail: '' }
    await flow.wired.store.silenceAddress('rosa@example.com', silence)
    await play(mail('h1', '[PATCH] one: fine'))
    expect(flow.sent).toEqual([])
    expect(await told('one')).toMatchObject({ silence: { kind: 'forbidden' } })
  })
})
