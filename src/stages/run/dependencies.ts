// After a build: the files with rules of make that compiler and linker left in the clone → which test needs which sources, kept as a blob.
// Trouble with them costs nobody a build: without them everything is tested.
import { matchesGlob } from 'node:path'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { extract } from 'tar-stream'
import type { Dependencies } from '../../model/concern.ts'
import type { BlobId, Job } from '../../model/job.ts'
import type { Blobs } from '../../ports/blobs.ts'
import type { Clone, Command } from '../../ports/farm.ts'
import { readDependencies, testDependencies } from '../../text/dependencies.ts'
import { shellWord } from '../../text/only.ts'
import { sourceFolder } from './guest.ts'
import type { Journal } from './journal.ts'

const folder = '/grapevine/dependencies'
const rulesFile = `${folder}/rules.tar`
const sourcesFile = `${folder}/sources`

/** With more than these the map would have gaps, and is not made. */
const maxFiles = 20_000
const maxRules = 64 * 1024 * 1024
const maxSources = 32 * 1024 * 1024
const maxJson = 512 * 1024 * 1024

/** The last part of a glob as find(1) knows it; all names where it is more than that. */
const namePattern = (glob: string): string => {
  const last = glob.slice(glob.lastIndexOf('/') + 1)
  return /^[\w.*?+-]+$/.test(last) && !last.includes('**') ? last : '*'
}

/** Leaves the sources' names and one archive of all files that may match. git knows what is a source. */
const gatherCommand = (globs: string[]): Command => {
  const names = [...new Set(globs.map(namePattern))].map(name => `-name ${shellWord(name)}`).join(' -o ')
  return {
    name: 'dependencies',
    folder: sourceFolder,
    timeoutMs: 120_000,
    script: [
      `rm -rf ${folder}`,
      `mkdir -p ${folder} || exit 1`,
      `git ls-files -z >${sourcesFile} || exit 1`,
      `find . -name .git -prune -o -type f '(' ${names} ')' -print | head -n ${maxFiles + 1} >${folder}/names`,
      `tar -cf ${rulesFile} -T ${folder}/names`,
    ].join('\n'),
  }
}

type RuleFile = { path: string; text: string }

/** The files of an archive that match. Throws what tar-stream throws. */
const filesOf = async (tar: Readable, globs: string[]): Promise<RuleFile[]> => {
  const files: RuleFile[] = []
  let count = 0
  const unpacked = extract()
  tar.on('error', error => unpacked.destroy(error))
  tar.pipe(unpacked)
  for await (const entry of unpacked) {
    const path = entry.header.name.replace(/^\.\//, '')
    if (++count > maxFiles) throw new Error(`there are more than ${maxFiles} files`)
    if (entry.header.type === 'file' && globs.some(glob => matchesGlob(path, glob)))
      files.push({ path, text: (await buffer(entry)).toString() })
    else entry.resume()
  }
  return files
}

type BuiltInput = { job: Job; clone: Clone; blobs: Blobs; journal: Journal; signal: AbortSignal }

const gather = async ({ job, clone, blobs, journal, signal }: BuiltInput): Promise<BlobId | undefined> => {
  const { files: globs = [], target } = job.recipe.test.dependencies ?? {}
  const { outcome } = await journal.exec(clone, gatherCommand(globs), signal)
  const { ending } = outcome
  if (ending.kind !== 'finished' || ending.exitCode !== 0) throw new Error('they could not be gathered')
  const files = await filesOf(await clone.read(rulesFile, { limit: maxRules }), globs)
  const sources = await buffer(await clone.read(sourcesFile, { limit: maxSources }))
  const tracked = new Set(
    sources
      .toString()
      .split('\0')
      .filter(path => path !== ''),
  )
  const map = testDependencies({ files, tracked, folder: sourceFolder, target })
  journal.note(`dependencies: ${files.length} files tell of ${Object.keys(map).length} tests`)
  const json = JSON.stringify(map)
  return await blobs.put(await promisify(gzip)(json))
}

/** undefined: the recipe wants none, or they could not be had; the log says why. Never throws. */
export const collectDependencies = async (input: BuiltInput): Promise<BlobId | undefined> => {
  if (input.job.recipe.test.dependencies === undefined) return undefined
  try {
    return await gather(input)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    input.journal.note(`dependencies are not known, so everything is tested: ${why}`)
    return undefined
  }
}

/** What `collectDependencies` kept. Fault damaged; throws if it is anything else. */
export const dependenciesAt = async (blobs: Blobs, id: BlobId): Promise<Dependencies> => {
  const json = await promisify(gunzip)(await blobs.get(id), { maxOutputLength: maxJson })
  return readDependencies(json.toString())
}
