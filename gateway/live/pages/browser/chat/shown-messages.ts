import { setText } from '../elements.ts'
import { createActionButtons } from './action-button.ts'
import { readApi } from './call-api.ts'
import { BlockList, type MessageEvent } from './chat-events.ts'
import { attachMessages, type MessageView } from './message-list.ts'

/** The messages of a page without those of users that the viewer blocks. */
export type ShownMessages = { readonly view: MessageView; show(messages: readonly MessageEvent[]): void }

/** A chat, live or of a recording. */
export type ShownChat = { readonly streamId: string; readonly isReplay: boolean }

/** Attaches the list of messages with what may be done with them, and reads whom the viewer blocks. */
export async function attachShown(panel: HTMLElement, { streamId, isReplay }: ShownChat): Promise<ShownMessages> {
  const { user: userId, role } = panel.dataset
  const isModerator = role === 'owner' || role === 'moderator'
  const user = userId === undefined ? null : { streamId, userId, isModerator, isReplay }
  const blocks = user === null ? null : await readApi('api/v1/blocks', BlockList)
  const blocked = new Set(blocks?.users.map(({ user_id: id }) => id))
  const effects = {
    note: (line: string) => setText(panel, '[data-chat-note]', line),
    hideMessage: (id: string) => view.remove(id),
    hideUser(id: string) {
      blocked.add(id)
      view.removeUser(id)
    },
  }
  const view = attachMessages(panel, user === null ? () => null : createActionButtons(user, effects))
  return { view, show: (messages) => view.add(messages.filter((one) => !blocked.has(one.user.user_id))) }
}
