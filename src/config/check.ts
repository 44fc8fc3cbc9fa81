// Checks a parsed grapevine.yaml: the schema first, then what a schema cannot tell. Every problem is found, not just the first.
import { concernChecks } from './check-concerns.ts'
import { type Look, lookAt } from './check-look.ts'
import { login, oneWayOut, ownAddress, signing } from './check-mail.ts'
import { badNames, missingImages, repeatedNames } from './check-names.ts'
import { listIds, sourceNames } from './check-sources.ts'
import { trackerChecks } from './check-trackers.ts'
import type { YamlFile } from './document.ts'
import type { Problem } from './problem.ts'
import { type ConfigFile, fileSchema } from './schema.ts'
import { ofSchema, say } from './schema-words.ts'

/** All work on the raw value, so that they tell of their own besides all that the schema finds. In this order where places are the same. */
const crossChecks: readonly ((look: Look) => Problem[])[] = [
  ...[badNames, missingImages, repeatedNames],
  ...[ownAddress, oneWayOut, signing, login],
  ...[sourceNames, listIds, concernChecks, trackerChecks],
]

/** The file after the schema, or everything that is wrong with it, in order of place. */
export const check = (file: YamlFile): { file: ConfigFile } | { problems: Problem[] } => {
  if (file.value === null || file.value === undefined)
    return { problems: [{ line: 1, column: 1, path: '', says: 'the file is empty' }] }
  const look = lookAt(file)
  const parsed = fileSchema.safeParse(file.value, { error: say })
  const found = parsed.success ? [] : parsed.error.issues.flatMap(issue => ofSchema(look, issue))
  const crossed = crossChecks.flatMap(checkOf => checkOf(look))
  const problems = [...found, ...crossed].sort((a, b) => a.line - b.line || a.column - b.column)
  if (problems.length > 0 || !parsed.success) return { problems }
  return { file: parsed.data }
}
