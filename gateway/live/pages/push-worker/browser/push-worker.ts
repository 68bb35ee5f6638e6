/**
 * Runs as a service worker, also while no page is open: shows pushes, and opens what they are about. It is loaded alone, so
 * it must import nothing but types.
 */

import type { PushContent } from '../../../notices/push/content.ts'

declare const self: ServiceWorkerGlobalScope

self.addEventListener('push', (event) => {
  if (event.data !== null) event.waitUntil(showContent(event.data.json()))
})
self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(openPage(String(event.notification.data)))
})

function showContent({ title, body, tag, language, path }: PushContent): Promise<void> {
  return self.registration.showNotification(title, { body, tag, lang: language, data: path })
}

/** Shows the page of a path below the root of the site: where it is open already, or in a window of its own. */
async function openPage(path: string): Promise<void> {
  const { href } = new URL(path, self.registration.scope)
  const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
  const known = pages.find(({ url }) => url === href)
  await (known === undefined ? self.clients.openWindow(href) : known.focus())
}
