// The part of a Config about one project: its list, its recipe, and what is done with what is found.
import { defaultSourceName } from './check-sources.ts'
import type { BugsPolicy, ProjectConfig } from './config.ts'
import type { Context } from './context.ts'
import { repositoryAt } from './repository.ts'
import type { ConfigFile } from './schema.ts'
import { toSource } from './to-mail.ts'

type ProjectFile = ConfigFile['projects'][string]

const toStep = ({ name, run, timeout }: ProjectFile['build']['steps'][number]) => ({
  name,
  run,
  timeoutMs: timeout,
})

export const toProject = (name: string, file: ProjectFile, context: Context): ProjectConfig => ({
  name,
  list: file.list,
  listId: file.listId?.toLowerCase(),
  archive: file.archive,
  sources: file.sources.map((source, at) =>
    toSource(source, {
      ...context,
      path: ['projects', name, 'sources', at],
      name: defaultSourceName(name, source.kind, at),
    }),
  ),
  listTags: file.listTags,
  recipe: {
    repository: repositoryAt(file.repository, context.folder),
    branch: file.branch,
    build: {
      image: file.build.image,
      prepare: file.build.prepare.map(toStep),
      steps: file.build.steps.map(toStep),
      artifacts: file.build.artifacts,
    },
    test: {
      images: file.test.images,
      steps: file.test.steps.map(({ report, files, pattern, only, ...step }) => ({
        ...toStep(step),
        ...defined({ report, files, pattern, only }),
        report,
      })),
      ...defined({ concerns: file.test.concerns, dependencies: file.test.dependencies }),
    },
    ignore: file.ignore,
  },
  branches: file.branches,
  reply: file.reply,
  trust: file.trust,
  proof: toProof(file.proof),
  bugs: file.bugs && toBugs(file.bugs),
  github: file.github && {
    pulls: file.github.pulls,
    series: file.github.series,
    comment: file.github.comment,
  },
})

const toBugs = ({ sync, rules, ...rest }: NonNullable<ProjectFile['bugs']>): BugsPolicy => ({
  ...rest,
  rules: rules.map(({ status, resolution, whiteboard, ...rule }) => ({
    ...rule,
    status,
    resolution,
    whiteboard,
  })),
  sync: sync && {
    ...{ products: sync.products, bugs: sync.bugs.map(String), flag: sync.flag, track: sync.track },
    idleMs: sync.idle,
  },
})

const toProof = ({ budget, alike, nightlyAt, ...rest }: ProjectFile['proof']): ProjectConfig['proof'] => ({
  ...rest,
  budgetMs: budget,
  nightlyAt,
  alike: { authors: alike.authors, withinMs: alike.within },
})

/** Without what is not there: a recipe's digest names jobs, and must not change with what it does not say. */
const defined = <T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never
