// The branches of a project.
import type { ProjectConfig } from './config.ts'

/** Every branch that a series can be for, each once. */
export const branchesOf = ({ recipe, branches }: Pick<ProjectConfig, 'recipe' | 'branches'>): string[] => [
  ...new Set([recipe.branch, ...branches.map(({ branch }) => branch)]),
]
