// Whose mail is it, of all that comes to the bot's own mailboxes? By the list's header, else by whom the mail names as recipient.
import { botProject } from '../../model/mail.ts'
import { headerValues } from '../../text/header-values.ts'

/** A project's list: where replies go, and what its mails carry as List-Id (RFC 2919, without brackets, lower case). */
export type ListOf = {
  project: string
  address: string
  listId: string | undefined
  listTags: readonly string[]
}

export type Route = { project: string; listTags: readonly string[] }

const listIdOf = (value: string): string =>
  (/<([^<>]*)>[^<>]*$/.exec(value)?.[1] ?? value).trim().toLowerCase()

const addressesOf = (value: string): string[] => value.toLowerCase().split(/[\s<>,;:"()]+/)

/**
 * The project whose `listId` the mail has as List-Id, else the one whose list stands in To: or Cc:; of several the first in the
 * configuration. All else is for the bot itself. Nothing of it is proof: anybody can write such headers, as anybody can write to a list.
 */
export const routeMail =
  (lists: readonly ListOf[]) =>
  (raw: Buffer): Route => {
    const headers = headerValues(raw, ['list-id', 'to', 'cc'])
    const ids = new Set((headers.get('list-id') ?? []).map(listIdOf))
    const named = new Set([...(headers.get('to') ?? []), ...(headers.get('cc') ?? [])].flatMap(addressesOf))
    const found =
      lists.find(({ listId }) => listId !== undefined && ids.has(listId)) ??
      lists.find(({ address }) => named.has(address.toLowerCase()))
    return found === undefined
      ? { project: botProject, listTags: [] }
      : { project: found.project, listTags: found.listTags }
  }
