// What a project's configuration says about building and testing it.
import type { Millis } from './instant.ts'

export type ReportFormat =
  | 'wine'
  | 'tap'
  | 'ktap'
  | 'sparse'
  | 'junit'
  | 'ctest'
  | 'automake'
  | 'go'
  | 'pytest'
  | 'cargo'
  | 'meson'
  | 'pattern'
  | 'exit-code'

/** A report format of a project's own: regular expressions for single lines, with a group `test`, and `message` if there is one. */
export type ReportPattern = {
  passed?: string | undefined
  failed: string
  skipped?: string | undefined
  /** A line without which the report is cut off. */
  end?: string | undefined
}

/** One command in a guest, run by the image's shell in the source folder. */
export type Step = {
  name: string
  run: string
  timeoutMs: Millis
}

export type TestStep = Step & {
  report: ReportFormat
  /** Globs below the source folder of report files that the step leaves (JUnit, .trs); undefined: the report is what it prints. */
  files?: string[]
  pattern?: ReportPattern
  /** Runs only some of its tests: `{tests}` stands for their names, each quoted for the shell. undefined: it is always run whole. */
  only?: string
}

/** Files that match one of `paths` concern only these tests. */
export type ConcernRule = {
  paths: string[]
  /** Names of steps, or globs of tests' names; [] for none at all. */
  steps: string[]
  tests: string[]
}

/** What a build says of which test needs which file: rules in the form of make (`target: file file …`), as compilers write them with -MD. */
export type DependencyFiles = {
  /** Globs below the source folder, in the build's clone. */
  files: string[]
  /** Regular expression on a rule's target; its group `test` is the name of the test. undefined: the target is. */
  target?: string | undefined
}

export type Recipe = {
  /** Where the base comes from: a path or URL that git can fetch, and the branch or tag to test against by default. */
  repository: string
  branch: string
  build: {
    image: string
    /** Run once on the base when the template is frozen, so that a task's build is incremental. */
    prepare: Step[]
    steps: Step[]
    /** Paths below the source folder that the test images need. */
    artifacts: string[]
  }
  test: {
    images: string[]
    steps: TestStep[]
    /** Which files concern which tests. A file that no rule and no dependency tells of concerns all. Absent: every file concerns all. */
    concerns?: ConcernRule[]
    dependencies?: DependencyFiles
  }
  /** Globs; a series that touches only these has nothing to build or test. */
  ignore: string[]
}

/** Names of steps of several tests, of which none can be run by itself: to prove one failure all of them are run again. */
export const onlyWhole = ({ test }: Pick<Recipe, 'test'>): string[] =>
  test.steps.filter(step => step.only === undefined && step.report !== 'exit-code').map(({ name }) => name)
