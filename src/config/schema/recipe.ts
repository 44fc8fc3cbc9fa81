// The part of the schema about how a project is built and tested.
import { z } from 'zod'
import { duration } from '../quantity.ts'
import { day, inSource, line, name } from './words.ts'

export const step = z.strictObject({
  name: line('a name').max(60, { error: 'must be at most 60 characters' }).describe('What people call it.'),
  run: z
    .string()
    .min(1, { error: 'must not be empty' })
    .regex(/^[^\u0000]*$/, { error: 'must not hold a NUL byte' })
    .describe('A command for the guest’s shell, run in the source folder.'),
  timeout: duration(1000, day).prefault('10 min').describe('When the command is stopped. Default: 10 min.'),
})

/** Compiles; how long it may take is bounded by the length of lines that it is given. */
const regexp = z
  .string()
  .min(1)
  .max(500)
  .refine(
    text => {
      try {
        return new RegExp(text) instanceof RegExp
      } catch {
        return false
      }
    },
    { error: 'is no regular expression' },
  )

const testStep = step.extend({
  report: z
    .enum([
      'wine',
      'tap',
      'ktap',
      'sparse',
      'junit',
      'ctest',
      'automake',
      'go',
      'pytest',
      'cargo',
      'meson',
      'pattern',
      'exit-code',
    ])
    .default('exit-code')
    .describe(
      'What its report looks like. wine: Wine’s test summary lines · tap: Test Anything Protocol · ktap: the kernel’s · sparse: sparse’s make check · junit: JUnit XML (files) · ctest · automake: make check, or .trs (files) · go: go test -json · pytest: with -rA · cargo: libtest · meson: meson test · pattern: your own · exit-code: one test, passed if it exits with 0. Default: exit-code.',
    ),
  files: z
    .array(inSource)
    .optional()
    .describe(
      'Globs of report files that it leaves below the source folder. Default: what it prints is the report.',
    ),
  pattern: z
    .strictObject({
      passed: regexp.optional().describe('A line of a test that passed.'),
      failed: regexp.describe('A line of a test that failed.'),
      skipped: regexp.optional().describe('A line of a test that was skipped.'),
      end: regexp.optional().describe('A line without which the report is cut off. Default: none.'),
    })
    .optional()
    .describe(
      'Of report: pattern. Regular expressions with a group (?<test>…), and (?<message>…) if there is one.',
    ),
  only: z
    .string()
    .regex(/\{tests\}/, { error: 'must hold {tests}, where the names of the tests go' })
    .optional()
    .describe(
      'Command that runs only some of its tests: {tests} stands for their names, quoted for the shell. Default: the whole step is run again.',
    ),
})

/** What is missing would be found only when the step runs. */
export const wholeTestStep = testStep.refine(
  ({ report, pattern }) => report !== 'pattern' || pattern !== undefined,
  { path: ['pattern'], error: 'is missing: report: pattern needs its regular expressions' },
)

export const concern = z.strictObject({
  paths: z.array(line('a glob')).min(1, { error: 'there is no glob' }).describe('Globs of changed files.'),
  steps: z.array(line('a name')).default([]).describe('Test steps that they concern. Default: none.'),
  tests: z
    .array(line('a glob'))
    .default([])
    .describe('Globs of tests’ names that they concern. Default: none.'),
})

export const dependencies = z
  .strictObject({
    files: z
      .array(inSource)
      .min(1, { error: 'there is no glob' })
      .describe('Globs of files with rules in the form of make, which the build leaves, like **/*.d.'),
    target: regexp
      .optional()
      .describe(
        'Regular expression on a rule’s target, whose group (?<test>…) is the test. Default: the target is its name.',
      ),
  })
  .describe('What the build says of which test needs which file.')

export const imageName = name()
