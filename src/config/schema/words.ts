// Words that the parts of the schema share: names, paths, addresses, secrets, times.
import { z } from 'zod'

const minute = 60_000

export const day = 24 * 60 * minute

/** Text on one line. */
export const line = (what: string) =>
  z
    .string()
    .min(1, { error: 'must not be empty' })
    .regex(/^[^\u0000-\u001f\u007f]*$/, { error: `${what} must be one line, without control characters` })

/** Of images, projects and sources: safe in file names, ids and tables. */
export const namePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/

const nameRule =
  'a name is made of a–z, 0–9, ".", "_" and "-" (64 at most), and begins with a letter or digit'

export const name = () => z.string().regex(namePattern, { error: nameRule })

/** A bad key does not keep the value from being checked, as the key schema of z.record would. */
export const named = <T extends z.ZodType>(value: T, error: string) =>
  z
    .record(z.string(), value)
    .refine(all => Object.keys(all).length > 0, { error })
    .meta({ propertyNames: { pattern: namePattern.source }, minProperties: 1 })

/** What is wrong with the keys of farm.images and projects. */
export const badName = (key: string): string | undefined => (namePattern.test(key) ? undefined : nameRule)

export const path = line('a path')

export const webAddress = line('an address').refine(text => /^https?:\/\/[^\s/@]+(\/[^\s]*)?$/i.test(text), {
  error: 'must be an address that begins with http:// or https://, without a user in it',
})

export const inSource = line('a path').refine(
  text => !text.startsWith('/') && !text.startsWith('-') && !text.split('/').includes('..'),
  { error: 'must be a path inside the source folder: not absolute, no "..", no "-" in front' },
)

export const address = z.string().regex(/^[^\s@<>()[\]",;:\\]+@[^\s@<>()[\]",;:\\]+$/, {
  error: 'must be a mail address, like grapevine@example.org',
})

export const person = (whatFor: string) =>
  z
    .strictObject({
      name: z
        .string()
        .regex(/^[^\u0000-\u001f\u007f]*$/, {
          error: 'a name must be one line, without control characters',
        })
        .default('')
        .describe('The name beside the address. Default: none.'),
      address: address.describe('The mail address alone.'),
    })
    .describe(whatFor)

/** A secret never stands in the file; only where to find it does. */
export const secretSchema = z
  .union(
    [
      z.strictObject({
        env: z
          .string()
          .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: 'must be the name of an environment variable' })
          .describe('Name of the environment variable that holds the secret.'),
      }),
      z.strictObject({
        file: path.describe(
          'File that holds the secret and nothing else; relative to this file. Only its owner should be able to read it.',
        ),
      }),
    ],
    {
      error: issue =>
        issue.input === undefined || issue.input === null
          ? undefined
          : typeof issue.input === 'object'
            ? 'must be { env: NAME } or { file: PATH }, one of the two'
            : 'a secret must not stand in this file: put it into an environment variable and write { env: NAME }, or into a file and write { file: PATH }',
    },
  )
  .describe('Where a secret is found. The secret itself must never stand in this file.')

/** A day of the calendar, in UTC, as milliseconds. */
export const calendarDay = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/, { error: 'must be a day in quotes, like "2026-01-31"' })
  .refine(text => !Number.isNaN(Date.parse(text)), { error: 'there is no such day' })
  .transform(text => Date.parse(text))

export const timeOfDay = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, { error: 'must be a time in quotes, like "06:00"' })
  .transform(text => Number(text.slice(0, 2)) * 60 + Number(text.slice(3)))

export const login = {
  password: secretSchema.optional().describe('Password: { env: NAME } or { file: PATH }.'),
  token: secretSchema
    .optional()
    .describe(
      'OAuth 2.0 access token instead of a password. A file is read anew at each login, so that another program can renew it.',
    ),
}

export const ca = path
  .optional()
  .describe(
    'File (PEM) with the certificate of the authority that signed the server’s. Relative to this file. Default: the authorities that Node.js knows.',
  )

export const count = (value: number, what: string) =>
  z.int().min(1).max(1_000_000).default(value).describe(`${what} Default: ${value}.`)

export const who = line('a word').regex(/^(author|anyone|[^\s@]*@[^\s@]+)$/, {
  error: 'must be author, anyone, a mail address, or @domain',
})

export const may = (whom: string[], what: string) =>
  z
    .array(who)
    .default(whom)
    .describe(`Who may ${what} Default: ${whom.join(', ')}.`)

export const some = (what: string) => z.array(line('a word')).default([]).describe(`${what} Default: none.`)
