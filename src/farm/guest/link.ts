// The control port's host side: conversations with the program in the guest, several at a time. A guest can say anything here; none of it is kept.
import type { Duplex } from 'node:stream'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import { type Bell, bell, within } from '../deadline.ts'
import { asks, type Done, doneIn, type Frame, frame, frameReader, tells } from './frames.ts'

export type Talk = {
  readonly id: number
  say(type: number, ...payload: Buffer[]): void
  /** Nothing of it is heard any more. */
  end(): void
}

export type Link = {
  /** A request and its answers: all frames of one id. */
  talk(hear: (frame: Frame) => void): Talk
  /** One question, one answer. Faults: refused with the guest's words, timeout. */
  ask(type: number, payload: Buffer, span: Millis): Promise<Done>
  /** When something came last: performance.now(). */
  heardAt(): number
  /** Rung when nobody is on the guest's side any more, or somebody else. */
  readonly lost: Bell<string>
}

/** Answers to what was given up may still come; more than these are no answers. */
const unaskedFrames = 1_000

export const openLink = (port: Duplex, lost: Bell<string>): Link => {
  const talks = new Map<number, { hear: (frame: Frame) => void; answers: number }>()
  let ids = 0
  let heardAt = 0
  let unasked = 0

  const read = frameReader(frame => {
    const talk = talks.get(frame.id)
    if (!talk || !isSense(frame, talk)) unasked++
    else talk.hear(frame)
  })
  port.on('data', (chunk: Buffer) => {
    heardAt = performance.now()
    if (lost.value === undefined && read(chunk) && unasked < unaskedFrames) return
    lost.ring('the guest says what no program of ours would')
    port.destroy()
  })

  const talk = (hear: (frame: Frame) => void): Talk => {
    const id = ++ids
    talks.set(id, { hear, answers: 0 })
    return {
      id,
      say: (type, ...payload) => {
        if (!port.destroyed) port.write(frame(type, id, ...payload))
      },
      end: () => talks.delete(id),
    }
  }

  const ask = async (type: number, payload: Buffer, span: Millis): Promise<Done> => {
    const answered = bell<Done | undefined>()
    const asked = talk(heard => heard.type === tells.done && answered.ring(doneIn(heard.payload)))
    asked.say(type, payload)
    try {
      return agreed(await within(answered.rung, span, 'the program in the guest'))
    } finally {
      asked.end()
    }
  }

  return { talk, ask, heardAt: () => heardAt, lost }
}

/** Of one request, besides output. */
const mostAnswers = 8

/** Output of nothing costs its sender no credit, and a request is answered once or twice: neither may come without end. */
const isSense = ({ type, payload }: Frame, talk: { answers: number }): boolean =>
  type === tells.output ? payload.length > 0 : ++talk.answers <= mostAnswers

/** Fault refused if the guest said no, malformed if it said nothing of sense. */
export const agreed = (done: Done | undefined): Done => {
  if (!done) throw new Fault('malformed', 'soon', 'the guest gave an answer that makes no sense')
  if (done.words !== undefined) throw new Fault('refused', 'soon', `in the guest: ${done.words}`)
  return done
}

/** Somebody answers. */
export const ping = (link: Link, span: Millis): Promise<Done> => link.ask(asks.ping, Buffer.alloc(0), span)
