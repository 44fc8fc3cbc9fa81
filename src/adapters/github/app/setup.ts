// Creating an App from its manifest: GitHub shows it to its owner, and gives a code back that is exchanged once for id, key and secrets.
// https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
import { z } from 'zod'
import type { GithubAppConfig } from '../../../config/config.ts'
import { Fault } from '../../../model/fault.ts'
import type { Clock } from '../../../ports/clock.ts'
import { asking, type Client } from '../ask.ts'
import { putOff, requestBy, retry, wayOut } from '../http.ts'
import { appRemedies } from './connect.ts'

const madeApp = z.object({
  id: z.int(),
  slug: z.string(),
  html_url: z.string(),
  pem: z.string(),
  webhook_secret: z.string().nullish(),
  client_id: z.string(),
  client_secret: z.string(),
})

export type MadeApp = {
  id: number
  slug: string
  /** Its page. */
  url: string
  key: string
  secret: string
  client: string
  clientSecret: string
}

/** The code lasts an hour and is used up. Throws Faults; none of them holds a secret. */
export const exchange = async (
  code: string,
  at: Pick<GithubAppConfig, 'api' | 'ca' | 'proxy'>,
  clock: Clock,
): Promise<MadeApp> => {
  if (!/^[\w-]{1,200}$/.test(code)) throw new Fault('malformed', 'never', 'GitHub sent no code')
  const name = 'GitHub'
  const dispatcher = await wayOut({ name, ca: at.ca, proxy: at.proxy })
  const { ProbotOctokit } = await import('probot')
  const quiet = () => undefined
  const octokit = new ProbotOctokit({
    ...{ baseUrl: at.api, throttle: { enabled: true, ...putOff }, retry, request: requestBy(dispatcher) },
    ...{ authStrategy: undefined, log: { debug: quiet, info: quiet, warn: quiet, error: quiet } },
  })
  const client = async () => octokit as unknown as Client
  try {
    const ask = asking({ name, clock, remedies: appRemedies, client })
    const path = `/app-manifests/${code}/conversions`
    const { value } = await ask({ method: 'POST', path, answer: madeApp })
    if (!value.webhook_secret)
      throw new Fault('malformed', 'never', 'GitHub made the App without a secret for its webhooks', {
        remedy: `Set one on its page, and write it into the file of github.secret: ${value.html_url}`,
      })
    return {
      ...{ id: value.id, slug: value.slug, url: value.html_url, key: value.pem },
      ...{ secret: value.webhook_secret, client: value.client_id, clientSecret: value.client_secret },
    }
  } finally {
    await dispatcher.close()
  }
}
