// What a project's configuration says about building and testing it.
import type { Millis } from './instant.ts'

export type ReportFormat = 'wine' | 'tap' | 'sparse' | 'exit-code'

/** One command in a guest, run by the image's shell in the source folder. */
export type Step = {
  name: string
  run: string
  timeoutMs: Millis
}

export type TestStep = Step & { report: ReportFormat }

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
  }
  /** Globs; a series that touches only these has nothing to build or test. */
  ignore: string[]
}
