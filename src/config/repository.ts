// Where a repository is: an address that git fetches from, or a folder of this machine.
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { YamlFile } from './document.ts'
import { type Problem, showPath } from './problem.ts'

const isAddress = (repository: string): boolean =>
  /^[a-z][a-z0-9+.-]*:\/\//i.test(repository) || /^[\w.-]+(@[\w.-]+)?:/.test(repository)

export const repositoryAt = (repository: string, folder: string): string =>
  isAddress(repository) ? repository : resolve(folder, repository)

/** Folders that are named and not there. */
export const missingRepositories = async (yaml: YamlFile, folder: string): Promise<Problem[]> => {
  const { value } = yaml
  const projects =
    typeof value === 'object' && value !== null && 'projects' in value ? value.projects : undefined
  if (typeof projects !== 'object' || projects === null) return []
  const problems = Object.entries(projects).map(async ([name, project]): Promise<Problem[]> => {
    const repository: unknown = project?.repository
    if (typeof repository !== 'string' || repository === '' || isAddress(repository)) return []
    const there = await stat(resolve(folder, repository)).then(
      () => true,
      () => false,
    )
    const path = ['projects', name, 'repository']
    const says = `there is no repository at ${resolve(folder, repository)}`
    return there ? [] : [{ ...yaml.place(path), path: showPath(path), says }]
  })
  return (await Promise.all(problems)).flat()
}
