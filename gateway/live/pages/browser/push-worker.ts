/**
 * Runs as a service worker, also while no page is open: shows pushes, and opens what they are about. It is loaded alone, so
 * it must import nothing but types.
 */

import type { PushContent } from '../../notices/push/content.ts'

type WorkerEvent = Event & { waitUntil(work: Promise<unknown>): void }
type PushEvent = WorkerEvent & { readonly data: { json(): PushContent } | null }
type ClickEvent = WorkerEvent & { readonly notification: Notification }
type PageClient = { readonly url: string; focus(): Promise<unknown> }
type WorkerScope = {
  readonly registration: ServiceWorkerRegistration
  readonly clients: {
    matchAll(options: {
      readonly type: 'window'
      readonly includeUncontrolled: boolean
    }): Promise<readonly PageClient[]>
    openWindow(url: string): Promise<unknown>
  }
}

const { registration, clients } = globalThis as unknown as WorkerScope

addEventListener('push', (event) => {
  const push = event as PushEvent
  if (push.data !== null) push.waitUntil(showContent(push.data.json()))
})
addEventListener('notificationclick', (event) => {
  const click = event as ClickEvent
  click.notification.close()
  click.waitUntil(openPage(String(click.notification.data)))
})

function showContent({ title, body, tag, language, path }: PushContent): Promise<void> {
  return registration.showNotification(title, { body, tag, lang: language, data: path })
}

/** Shows the page of a path below the root of the site: where it is open already, or in a window of its own. */
async function openPage(path: string): Promise<void> {
  const { href } = new URL(path, registration.scope)
  const pages = await clients.matchAll({ type: 'window', includeUncontrolled: true })
  const known = pages.find(({ url }) => url === href)
  await (known === undefined ? clients.openWindow(href) : known.focus())
}
