// `grapevine concern`: what would be tested if these files change, and why.
import { Command } from 'commander'
import type { Chosen, Concern } from '../model/concern.ts'
import { UsageError } from '../model/fault.ts'
import type { Store } from '../ports/store.ts'
import { onlyTouches } from '../stages/plan/plan.ts'
import { baseReports, chooseOn, concernIn, newestMaps } from '../stages/run/chosen.ts'
import { cleanLine } from '../text/clean.ts'
import type { CliDeps } from './deps.ts'
import { withStore } from './stored.ts'
import { projectNamed } from './submit.ts'
import { table } from './table.ts'

type Options = { new?: boolean; branch?: string; json?: boolean }

const maxNames = 8

const some = (names: string[]): string => {
  const more = names.length - maxNames
  return `${names.slice(0, maxNames).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** One file by itself. */
const sayConcern = (concern: Concern): string => {
  if (concern.kind === 'all') return `everything: ${concern.why}`
  const { steps, tests, globs, wholeFor, unmapped } = concern
  const parts = [
    ...(steps.length > 0 ? [`steps: ${some(steps)}`] : []),
    ...(globs.length > 0 ? [`tests: ${some(globs)}`] : []),
    ...(wholeFor.length > 0 ? [`steps with tests ${some(wholeFor)}, whole`] : []),
    ...(tests.length > 0 ? [`tests that need it: ${some(tests)}`] : []),
    ...(unmapped ? ['tests whose needs the build does not tell'] : []),
  ]
  return parts.length === 0 ? 'nothing' : parts.join('; ')
}

const sayChosen = (chosen: Chosen): string => {
  if (chosen.run === 'some') return `${some(chosen.tests)}; ${chosen.leftOut} left out`
  return chosen.run === 'all' ? `whole: ${chosen.why}` : 'left out'
}

type Given = { project: string; files: string[]; options: Options }

/** What the store knows of one project's branch. Throws UsageErrors. */
const lookUp = async (deps: CliDeps, store: Store, { project: named, options }: Given) => {
  const config = await deps.config({ repositories: 'later', secrets: 'later' })
  const { name: project, recipe, branches } = projectNamed(config, named)
  const all = [recipe.branch, ...branches.map(({ branch }) => branch)]
  const baseName = options.branch ?? recipe.branch
  if (!all.includes(baseName))
    throw new UsageError(`${project} has no branch "${baseName}" here`, `There are ${all.join(', ')}`)
  const { fileBlobs } = await import('../adapters/blobs/files.ts')
  const { join } = await import('node:path')
  const blobs = fileBlobs({ folder: join(config.data, 'blobs') })
  const log = (_: unknown, what: string) => void deps.stderr.write(`${cleanLine(what)}\n`)
  const newest = await newestMaps({ store, blobs, log }, { project, baseName })
  const reports = await baseReports(store, { project, recipe, baseName })
  return { project, recipe, baseName, reports, ...newest }
}

const show = (deps: CliDeps, given: Given) =>
  withStore(deps, async store => {
    const { options } = given
    const { project, recipe, baseName, reports, base, maps } = await lookUp(deps, store, given)
    const changes = [...new Set(given.files)].map(file => ({
      ...{ before: options.new ? undefined : file, after: file },
    }))
    const concern = concernIn(recipe, changes, maps)
    const ignored = onlyTouches(changes, recipe.ignore)
    const images = recipe.test.images.map(image => ({
      ...{ image, steps: chooseOn({ recipe, image, concern, reports, maps }) },
    }))
    const say = (text: string) => void deps.stdout.write(`${text}\n`)
    if (options.json)
      return say(JSON.stringify({ project, branch: baseName, base: base ?? null, ignored, concern, images }))
    if (ignored) return say('nothing is built or tested: every file matches `ignore`')
    const told = changes.map(change => [change.after, sayConcern(concernIn(recipe, [change], maps))])
    say(table([['file', 'concerns'], ...told]))
    const source = base === undefined ? 'no base line says it yet' : `as in ${base.slice(0, 12)}`
    if (recipe.test.dependencies !== undefined) say(`\nWhat tests need: ${source}.`)
    const rows = images.flatMap(({ image, steps }) => steps.map(step => [image, step.step, sayChosen(step)]))
    say(`\n${table([['image', 'step', 'what is run'], ...rows])}`)
  })

export const concern = (deps: CliDeps): Command =>
  new Command('concern')
    .description(
      'Shows what would be tested of a series that changes these files, and why: by the rules of the recipe, what the build says that tests need, and the newest base line.',
    )
    .argument('<project>', 'its name in the configuration')
    .argument('<file...>', 'paths as they stand in patches')
    .option('--new', 'the files are new ones')
    .option('--branch <name>', 'on this branch')
    .option('--json', 'one JSON line')
    .addHelpText('after', '\nExample:\n  $ grapevine concern tally src/trim.c src/trim.h')
    .action((project: string, files: string[], options: Options) => show(deps, { project, files, options }))
