// Under which mail a reply stands: that of the patch which does it, where that is known; and its name stays the same.
import { describe, expect, it } from 'vitest'
import type { Verdict } from '../../src/model/verdict.ts'
import { composeReply } from '../../src/stages/reply/compose.ts'
import { answered, replyId, threading } from '../../src/stages/reply/envelope.ts'
import { image, input, three, verdict } from '../story/verdicts.ts'

const failing = { kind: 'new-failures' } as const
const culprit = { position: 2, title: 'two' }
const broken: Extract<Verdict['finding'], { kind: 'build-broken' }> = {
  ...{ kind: 'build-broken', step: 'build', errors: [], command: 'make' },
  ending: { kind: 'finished', exitCode: 2 },
}

describe('a reply', () => {
  it.each([
    ['the cover letter, of a failure of nobody knows which patch', verdict({ finding: failing }), 0],
    ['the patch that a failure was traced to', verdict({ finding: failing, culprit }), 2],
    ['the patch since which it does not build', verdict({ finding: { ...broken, position: 3 } }), 3],
    ['the cover letter, if that is not known', verdict({ finding: broken }), 0],
    ['the cover letter, of what is no patch’s doing', verdict({ finding: { kind: 'all-well' }, culprit }), 0],
    [
      'the patch that does not apply, whatever was traced before',
      verdict({
        finding: { kind: 'does-not-apply', position: 1, title: 'one', conflicts: [] },
        culprit,
      }),
      1,
    ],
  ])('stands under %s', (_, said, position) => {
    expect(answered(three, said)?.position ?? 0).toBe(position)
    const mail = position === 0 ? three.cover : three.parts[position - 1]
    expect(threading(three, said, undefined).inReplyTo).toBe(mail?.messageId)
  })

  it('stands under the head, if the patch is one of the version before', () => {
    const parts = three.parts.map(part => (part.position === 2 ? { ...part, filledFrom: 's0' } : part))
    const said = verdict({ finding: failing, culprit })
    expect(answered({ ...three, parts } as typeof three, said)).toBe(three.cover)
  })

  it('has the same name, traced or not: it is sent once', () => {
    expect(replyId(verdict({ finding: failing, culprit }))).toBe(replyId(verdict({ finding: failing })))
    expect(replyId(verdict({ finding: { ...broken, position: 3 } }))).toBe(
      replyId(verdict({ finding: broken })),
    )
  })

  it('says of a patch that does only some of it no more than that', () => {
    const failure = (test: string) => ({
      ...{ step: 'numbers', test, message: '', kind: 'new' as const },
      ending: { kind: 'finished' as const, exitCode: 1 },
    })
    const images = [image('debian', { kind: 'new-failures', newFailures: ['add', 'sub'].map(failure) })]
    const only = [{ step: 'numbers', test: 'add' }]
    const said = verdict({ finding: failing, culprit: { ...culprit, only }, images })
    const text = composeReply(input({ series: three, verdict: said })).mail.text.replace(/\s+/g, ' ')
    expect(text).toContain('With your series, 2 tests fail')
    expect(text).toContain('Patch 2/3 ("two", under which this mail stands) is behind "add":')
  })
})
