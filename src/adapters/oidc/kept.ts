// What a browser keeps while it is away to log in: by it the answer is known to belong to the question.
import { z } from 'zod'
import { Fault } from '../../model/fault.ts'

const shape = z.object({
  state: z.string().min(20).max(200),
  /** RFC 7636. */
  verifier: z.string().min(43).max(128),
  /** OpenID Connect Core 1.0, 3.1.2.1; '' where there is none. */
  nonce: z.string().max(200),
})

export type Kept = z.infer<typeof shape>

export const sayKept = (kept: Kept): string => Buffer.from(JSON.stringify(kept)).toString('base64url')

/** Throws a Fault if it is none of ours. */
export const keptOf = (who: string, text: string): Kept => {
  try {
    return shape.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')))
  } catch (error) {
    throw new Fault('refused', 'never', `log in by ${who}: it did not begin in this browser, or long ago`, {
      cause: error,
    })
  }
}
