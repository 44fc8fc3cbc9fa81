// Which role somebody has, by how they proved who they are and by the configuration. Asked at each page: who is no operator any more is none.
import type { Config, Who } from '../../config/config.ts'
import type { Role, Viewer } from '../../model/access.ts'
import { isOperator } from '../../stages/command/permit.ts'

/** Who somebody proved to be. `name`: of GitHub, the login name. */
export type Proven = Pick<Viewer, 'name' | 'address' | 'by'>

type Given = Pick<Config, 'operators'> & { web: Pick<Config['web'], 'login'> }

const fits = (rules: Who[], address: string | undefined): boolean =>
  address !== undefined && isOperator(rules, address.toLowerCase())

const isOperating = ({ operators, web: { login } }: Given, { name, address, by }: Proven): boolean => {
  switch (by) {
    case 'mail':
      return fits(operators, address)
    case 'github':
      return (login.github?.operators ?? []).some(one => one.toLowerCase() === name.toLowerCase())
    case 'oidc':
      return fits(login.oidc?.operators ?? [], address)
  }
}

/** Is that way to log in still there? */
const isOpen = ({ web: { login } }: Given, { by }: Proven): boolean =>
  by === 'mail' || login[by] !== undefined

/** undefined: they may not log in. */
export const roleOf = (config: Given, proven: Proven): Role | undefined => {
  if (!isOpen(config, proven)) return undefined
  if (isOperating(config, proven)) return 'operator'
  const { submitters } = config.web.login
  return submitters.includes('anyone') || fits(submitters, proven.address) ? 'submitter' : undefined
}

/** An operator may do what a submitter may. */
export const may = (viewer: Viewer | undefined, role: Role): boolean =>
  viewer !== undefined && (viewer.role === role || viewer.role === 'operator')
