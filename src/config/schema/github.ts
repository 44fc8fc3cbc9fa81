// The part of the schema about GitHub: the App as which it speaks, and what each project does there.
import { z } from 'zod'
import { ca, line, secretSchema, webAddress } from './words.ts'

const repository = line('a repository').regex(/^[\w.-]+\/[\w.-]+$/, { error: 'must be owner/name' })

export const githubApp = z
  .strictObject({
    app: z.int().min(1).describe('The App ID, as its page shows it.'),
    key: secretSchema.describe('Private key (PEM): { env: NAME } or { file: PATH }.'),
    secret: secretSchema.describe('Secret of its webhooks: { env: NAME } or { file: PATH }.'),
    api: webAddress.default('https://api.github.com').describe('Default: https://api.github.com.'),
    site: webAddress.default('https://github.com').describe('Default: https://github.com.'),
    ca,
    proxy: webAddress.optional().describe('Default: none.'),
  })
  .describe('The GitHub App. Default: none; then nothing of it starts.')

export const projectGithub = z
  .strictObject({
    pulls: repository.optional().describe('Its pull requests are tested. Default: none.'),
    series: repository
      .optional()
      .describe('Series of the list are pushed there as branches, with their results. Default: nowhere.'),
    comment: z
      .enum(['words', 'never'])
      .default('words')
      .describe('words: one comment on a pull request where the verdict needs words. Default: words.'),
  })
  .describe('What it does on GitHub; needs github.')
