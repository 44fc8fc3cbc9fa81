// A webhook of GitHub: its signature is verified by probot, then it is read. https://docs.github.com/webhooks
import type { Probot } from 'probot'
import { z } from 'zod'
import type { GithubAppConfig } from '../../../config/config.ts'
import { Fault } from '../../../model/fault.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { ForgeHook } from '../../../ports/forge.ts'
import { oneLine } from '../../../text/clean.ts'
import { eventOf } from './answers.ts'
import { openProbot } from './connect.ts'

const malformed = (why: string) => new Fault('malformed', 'never', `webhook: ${why}`)

const parsed = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    throw malformed('its body is no JSON; the App must send application/json')
  }
}

const saidOf = (name: string, body: string) => {
  try {
    return eventOf(name, parsed(body))
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error
    const issue = error.issues[0]
    throw malformed(`${oneLine(name, 40)}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`)
  }
}

/** Asks GitHub for nothing. Faults also: refused, if the key or the secret is no good. */
export const githubHook = (config: GithubAppConfig, { clock }: { clock: Clock }): ForgeHook => {
  // Without one everybody could tell us anything: nothing starts.
  if (config.secret.reveal().trim() === '')
    throw new Fault('refused', 'never', 'github.secret is empty: webhooks would be taken from everybody')
  let opening: Promise<Probot> | undefined
  const opened = (): Promise<Probot> => {
    opening ??= openProbot(config).then(
      ({ probot }) => probot,
      error => {
        opening = undefined
        throw error
      },
    )
    return opening
  }
  return {
    async read({ id, name, signature, body }) {
      if (!/^[\w-]{1,100}$/.test(id)) throw malformed('it has no delivery id')
      const probot = await opened()
      const isOurs = signature !== '' && body !== '' && (await probot.webhooks.verify(body, signature))
      if (!isOurs)
        throw new Fault('refused', 'never', 'webhook: its signature is wrong', {
          remedy: 'The secret on the page of the App must be the one of github.secret.',
        })
      const said = saidOf(name, body)
      return said && { id, ...said, receivedAt: clock.now(), state: { at: 'new' } }
    },
  }
}
