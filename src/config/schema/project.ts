// The part of the schema about a project: its list, its rules, and who hears what.
import { z } from 'zod'
import { duration } from '../quantity.ts'
import { bugs } from './bugs.ts'
import { projectGithub } from './github.ts'
import { source } from './mail.ts'
import { concern, dependencies, imageName, step, wholeTestStep } from './recipe.ts'
import { day, inSource, line, may, person, timeOfDay, webAddress } from './words.ts'

const branchRule = z.strictObject({
  branch: line('a branch').describe('Branch or tag.'),
  tags: z
    .array(line('a tag'))
    .default([])
    .describe('Words in the brackets of the subject, like net-next. Default: any.'),
  paths: z.array(line('a glob')).default([]).describe('Globs; one changed file must match. Default: any.'),
})

const replyPolicy = z
  .strictObject({
    author: z
      .enum(['always', 'failures', 'never'])
      .default('always')
      .describe('What the author gets a mail of. failures: only what needs something done. Default: always.'),
    list: z
      .enum(['new-failures', 'always', 'never', 'digest'])
      .default('new-failures')
      .describe('What the list gets a copy of. digest: one mail a day, instead. Default: new-failures.'),
    unchanged: z
      .enum(['silent', 'say'])
      .default('silent')
      .describe('A new version with the same failures as the one before. Default: silent.'),
    digestAt: timeOfDay.prefault('06:00').describe('When digests leave, UTC. Default: 06:00.'),
  })
  .describe('Who hears what.')

const chance = (value: number, what: string) =>
  z.number().gt(0).lt(0.5).default(value).describe(`${what} Default: ${value}.`)

const many = (value: number, most: number, what: string) =>
  z.int().min(1).max(most).default(value).describe(`${what} Default: ${value}.`)

const proof = z
  .strictObject({
    blame: chance(0.001, 'Chance that a series that breaks nothing is blamed for something.'),
    miss: chance(0.01, 'Chance that a test that the patches break is let go.'),
    rate: z
      .number()
      .min(0.05)
      .max(1)
      .default(0.3)
      .describe('Least share of runs in which a break must show to be looked for. Default: 0.3.'),
    pairs: many(100, 1000, 'Most runs of one test with and as many without the patches.'),
    stepPairs: many(12, 1000, 'The same where a whole step has to be run for it.'),
    budget: duration(1000, 7 * day)
      .prefault('2 h')
      .describe('Time of virtual machines that the proof of one series may take. Default: 2 h.'),
    likely: z
      .number()
      .min(0)
      .max(10)
      .default(0.08)
      .describe(
        'How much longer the tests that the patches concern are run, as a share of one run of everything; finds what fails seldom. Default: 0.08.',
      ),
    bases: many(30, 1000, 'So many bases make the history of a test.'),
    bisect: z
      .boolean()
      .default(true)
      .describe(
        'Failures are traced to one patch of the series, and each patch is built by itself. Default: true.',
      ),
    nightlyAt: timeOfDay
      .optional()
      .describe('When the bases are tested every night, UTC. Default: only when they moved.'),
    alike: z
      .strictObject({
        authors: many(3, 100, 'So many authors.'),
        within: duration(60_000, 7 * day)
          .prefault('2 h')
          .describe('Within that time. Default: 2 h.'),
      })
      .prefault({})
      .describe(
        'The same new failure in series of so many authors is held back until an operator has looked.',
      ),
  })
  .describe('How failures are proven before anybody is blamed.')

const trust = z
  .strictObject({
    firstTime: z
      .enum(['run', 'hold'])
      .default('run')
      .describe('hold: patches of authors who never had one tested wait for an operator’s go. Default: run.'),
    commands: z
      .strictObject({
        test: may(['author'], 'have a series tested elsewhere.'),
        retest: may(['author'], 'have it tested again.'),
        cancel: may(['author'], 'have it left alone.'),
        status: may(['anyone'], 'ask how it stands.'),
        help: may(['anyone'], 'ask for help.'),
      })
      .prefault({})
      .describe(
        'Who may do what by mail: author (of the series), anyone, addresses, @domain. Operators may do all.',
      ),
  })
  .describe('Who is trusted with what.')

export const project = z
  .strictObject({
    list: person('The mailing list: patches come from it, and replies go to it.'),
    listTags: z
      .array(line('a tag'))
      .default([])
      .describe(
        'Words in brackets that the list puts before subjects and that do not belong to the patch, like LTP. Default: none.',
      ),
    archive: webAddress
      .refine(address => address.includes('{id}'), { error: 'must have {id} in it, for the Message-ID' })
      .optional()
      .describe(
        'Where the list’s mails are read, like https://lore.example.org/tally/{id}/ with {id} for the Message-ID. Default: not known.',
      ),
    listId: line('a list id')
      .optional()
      .describe(
        'What List-Id says in the list’s mails, without brackets, like tally.example.org: by it mail of mail.inbox finds the project. Default: only the list’s address tells.',
      ),
    sources: z
      .array(source)
      .default([])
      .describe('Where mail is read from. Default: none; patches are submitted by hand.'),
    repository: line('a repository')
      .refine(text => !text.startsWith('-') && !text.includes('::'), {
        error: 'must be a path or an address that git can fetch',
      })
      .refine(text => !/^[a-z][a-z0-9+.-]*:\/\/[^/@]*:[^/@]*@/i.test(text), {
        error: 'must not hold a password: let git’s credential helper or ssh know it',
      })
      .describe(
        'Path or address of the git repository that patches are for. Paths are relative to this file.',
      ),
    branch: line('a branch')
      .regex(/^[^-\s][^\s]*$/, { error: 'must be the name of a branch or tag' })
      .default('main')
      .describe('Branch or tag that patches are tested against when they do not name a base. Default: main.'),
    branches: z
      .array(branchRule)
      .default([])
      .describe('Other branches, by subject tag or path; the first that fits. Default: none.'),
    build: z
      .strictObject({
        image: imageName.describe('The image of the build, one of farm.images.'),
        prepare: z
          .array(step)
          .default([])
          .describe(
            'Run once on the unpatched base, before clones are made of it, so that later builds are short. Default: nothing.',
          ),
        steps: z.array(step).default([]).describe('Run with the patches applied. Default: nothing to build.'),
        artifacts: z
          .array(inSource)
          .default([])
          .describe('Files below the source folder that the tests need on the other images. Default: none.'),
      })
      .describe('How it is built, once for each series.'),
    test: z
      .strictObject({
        images: z
          .array(imageName)
          .min(1, { error: 'there is no image to test on: at least one is needed' })
          .describe('The images of the tests, from farm.images.'),
        steps: z
          .array(wholeTestStep)
          .min(1, { error: 'there is nothing to run: at least one step is needed' })
          .describe('Run on each image, one after another.'),
        concerns: z
          .array(concern)
          .optional()
          .describe('Which changed files concern which tests. Default: every file concerns all.'),
        dependencies: dependencies.optional(),
      })
      .describe('How it is tested, on each image.'),
    ignore: z
      .array(line('a glob'))
      .default([])
      .describe('Globs. A series that touches only these files is neither built nor tested. Default: none.'),
    reply: replyPolicy.prefault({}),
    trust: trust.prefault({}),
    proof: proof.prefault({}),
    bugs: bugs.optional(),
    github: projectGithub.optional(),
  })
  .describe('A project: its list, its repository, and how it is built and tested.')
