// Marks on the lines of a change: what the compiler says of them, and where a test says that it failed. What is said of other lines stands in
// the summary only: there the change has nothing to show.
import type { Verdict } from '../../model/verdict.ts'
import type { Annotation } from '../../ports/forge.ts'
import { oneLine } from '../../text/clean.ts'
import { compilerPlaces, fileMeant, placesNamed } from '../../text/places.ts'
import { ownFailures } from './failures.ts'
import type { ShowView } from './view.ts'

/** More marks than that nobody reads. GitHub takes 50 in a request, and adds up what comes in several. */
export const maxAnnotations = 200
const maxTitle = 255
/** So many failures are looked at for a place. */
const maxLooked = 300

const on = (path: string, line: number): Pick<Annotation, 'path' | 'startLine' | 'endLine'> => ({
  ...{ path, startLine: line, endLine: line },
})

/** The changed line that a program means; undefined: it means another. */
const lineOf = (view: ShowView, { path, line }: { path: string; line: number }): string | undefined => {
  const file = fileMeant(path, view.files)
  return file !== undefined && view.lines.get(file)?.has(line) ? file : undefined
}

/** Errors first: where there are too many marks, warnings are left out. */
const byWeight = (all: Annotation[]): Annotation[] => [
  ...all.filter(({ level }) => level === 'failure'),
  ...all.filter(({ level }) => level !== 'failure'),
]

/** Of a build that failed because of the change. */
export const buildAnnotations = (view: ShowView, verdict: Verdict): Annotation[] => {
  const { finding } = verdict
  if (finding.kind !== 'build-broken') return []
  const lines = view.buildLog.length > 0 ? view.buildLog : finding.errors.flatMap(error => error.split('\n'))
  const found = compilerPlaces(lines).flatMap(({ path, line, level, message }): Annotation[] => {
    const file = lineOf(view, { path, line })
    const title = level === 'failure' ? 'Error of the compiler' : 'Warning of the compiler'
    return file === undefined ? [] : [{ ...on(file, line), level, title, message }]
  })
  return byWeight(found).slice(0, maxAnnotations)
}

/** New failures of an image that name a changed line. */
export const testAnnotations = (view: ShowView, verdict: Verdict, image: string): Annotation[] => {
  const found = verdict.images.find(one => one.image === image)
  if (found?.kind !== 'new-failures') return []
  return ownFailures(found)
    .slice(0, maxLooked)
    .flatMap(({ step, test, message, kind }): Annotation[] => {
      const [place] = placesNamed(`${message}\n${test}`).flatMap(({ path, line }) => {
        const file = lineOf(view, { path, line })
        return file === undefined ? [] : [{ file, line }]
      })
      if (place === undefined) return []
      const name = oneLine(test || `step ${step}`, 150)
      const title = kind === 'worse' ? `Fails more often: ${name}` : `New failure: ${name}`
      const words = oneLine(message, 400) || title
      return [
        { ...on(place.file, place.line), level: 'failure', title: title.slice(0, maxTitle), message: words },
      ]
    })
    .slice(0, maxAnnotations)
}
