// The part of the schema about bug trackers.
import { z } from 'zod'
import { duration } from '../quantity.ts'
import { ca, calendarDay, day, line, may, name, secretSchema, some, webAddress } from './words.ts'

const bugRule = z.strictObject({
  on: z.enum(['passed', 'failed', 'landed']).describe('What happened to the series.'),
  from: some('Only bugs in one of these states, like NEW. An empty list: in any.'),
  status: line('a status').optional().describe('New status.'),
  resolution: line('a resolution').optional().describe('New resolution, with a status that is closed.'),
  addKeywords: some('Keywords (GitHub: labels) that are added.'),
  removeKeywords: some('Keywords (GitHub: labels) that are taken away.'),
  whiteboard: line('a text').optional().describe('What stands in the whiteboard, as [grapevine: TEXT].'),
  seeAlso: some('Addresses for see_also; {mail} stands for the link to the mail.'),
})

const sync = z
  .strictObject({
    products: some('Bugs of these products: each comes to the list.'),
    bugs: z
      .array(
        z.union([
          z.int().min(1),
          line('a bug').regex(/^(#?[1-9]\d{0,9}|https?:\/\/\S+)$/, {
            error: 'must be a number or an address',
          }),
        ]),
      )
      .default([])
      .describe('Single bugs, by number or address. Default: none.'),
    flag: line('a flag').optional().describe('Bugs with this flag (GitHub: label). Default: none.'),
    track: may(['author'], 'say /grapevine track in a thread.'),
    idle: duration(60_000, 3650 * day)
      .prefault('30 d')
      .describe(
        'So long nobody said anything: a thread and a bug are no longer kept in step. Default: 30 d.',
      ),
  })
  .describe('Keeps threads and bugs in step, both ways.')

export const bugs = z
  .strictObject({
    tracker: name().describe('One of trackers.'),
    trailers: z
      .array(line('a trailer').regex(/^[A-Za-z][A-Za-z0-9-]*$/, { error: 'must be a word, without ":"' }))
      .default(['Bug', 'Wine-Bug', 'Closes', 'Fixes', 'BugLink', 'Bug-Url'])
      .describe(
        'Trailers of patches that name bugs. Default: Bug, Wine-Bug, Closes, Fixes, BugLink, Bug-Url.',
      ),
    results: z
      .boolean()
      .default(true)
      .describe('Each bug that a series names gets a comment with its verdict. Default: true.'),
    landed: z
      .enum(['off', 'comment', 'resolve'])
      .default('comment')
      .describe(
        'When the patch is in the base: comment: the bug is told · resolve: and becomes RESOLVED FIXED, unless rules say else. Default: comment.',
      ),
    rules: z.array(bugRule).default([]).describe('What else changes in a bug. Default: nothing.'),
    sync: sync.optional(),
  })
  .describe('Its bug tracker.')

const trackerCommon = {
  ca,
  proxy: webAddress.optional().describe('HTTP proxy, like http://proxy:3128. Default: none.'),
  expires: calendarDay.optional().describe('When the key ends: you are warned before. Default: not known.'),
}

export const tracker = z
  .discriminatedUnion('kind', [
    z
      .strictObject({
        kind: z.literal('bugzilla'),
        url: webAddress.describe('Where show_bug.cgi is, like https://bugs.example.org/bugzilla/.'),
        key: secretSchema.describe('API key: { env: NAME } or { file: PATH }.'),
        login: line('a login').describe('The bot’s own login there; it proves that the key is read.'),
        ...trackerCommon,
      })
      .describe('A Bugzilla, 5.0 or later.'),
    z
      .strictObject({
        kind: z.literal('github'),
        repository: z
          .string()
          .regex(/^[A-Za-z0-9-]{1,39}\/[A-Za-z0-9._-]{1,100}$/, { error: 'must be owner/name' })
          .describe('Repository whose issues are the bugs: owner/name.'),
        api: webAddress.default('https://api.github.com').describe('Default: https://api.github.com.'),
        token: secretSchema.describe('Access token: { env: NAME } or { file: PATH }.'),
        ...trackerCommon,
      })
      .describe('Issues on GitHub.'),
  ])
  .describe('A bug tracker.')
