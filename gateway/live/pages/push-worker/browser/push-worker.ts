/**
 * Runs as a service worker, also while no page is open: shows pushes, opens what they are about, and subscribes again where a
 * push service ends a subscription. It is loaded alone, so it must import nothing but types.
 */

import type { PushContent, PushStore } from '../../../notices/push/content.ts'

declare const self: ServiceWorkerGlobalScope

const STORE: PushStore = { cache: 'tallylight-push', path: 'push-subscription' }
/** Pauses before further attempts to reach the gateway, in ms. */
const PAUSES_MS = [1000, 5000, 20_000]
/** Answers that further attempts do not change. */
const REFUSALS: ReadonlySet<number> = new Set([401, 404])

self.addEventListener('push', (event) => {
  if (event.data !== null) event.waitUntil(showContent(event.data.json()))
})
self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(openPage(String(event.notification.data)))
})
self.addEventListener('pushsubscriptionchange', (event) => {
  event.waitUntil(replaceSubscription(event))
})

function showContent({ title, body, tag, language, path }: PushContent): Promise<void> {
  return self.registration.showNotification(title, { body, tag, lang: language, data: path })
}

/** Shows the page of a path below the root of the site: where it is open already, or in a window of its own. */
async function openPage(path: string): Promise<void> {
  const href = siteUrl(path)
  const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
  const known = pages.find(({ url }) => url === href)
  await (known === undefined ? self.clients.openWindow(href) : known.focus())
}

/** Subscribes again, unless the browser has, and lets the gateway replace the subscription that it knows. */
async function replaceSubscription({ newSubscription }: PushSubscriptionChangeEvent): Promise<void> {
  const stored = await (await caches.open(STORE.cache)).match(siteUrl(STORE.path))
  if (stored === undefined) return
  // Not all browsers say what the new subscription is.
  const fresh = newSubscription ?? (await subscribe())
  if (fresh === null) return
  const init = { method: 'PUT', body: JSON.stringify(fresh), headers: { 'content-type': 'application/json' } }
  // The user has signed out, or another one has signed in.
  if ((await callGateway(`/${await stored.text()}`, init)) === null) await fresh.unsubscribe()
}

/** Subscribes this browser; returns `null` where no one is signed in. */
async function subscribe(): Promise<PushSubscription | null> {
  const answer = await callGateway('')
  if (answer === null) return null
  const { public_key: applicationServerKey }: { readonly public_key: string } = await answer.json()
  return self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey })
}

/**
 * Calls the API of pushes, again where the gateway does not answer; returns `null` where it refuses.
 * @throws Error where it does not answer for half a minute
 */
async function callGateway(path: string, init: RequestInit = {}): Promise<Response | null> {
  for (const pauseMs of [...PAUSES_MS, null]) {
    const answer = await fetch(siteUrl(`api/v1/notifications/push${path}`), init).catch(() => null)
    if (answer?.ok === true) return answer
    if (answer !== null && REFUSALS.has(answer.status)) return null
    if (pauseMs !== null) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  throw new Error('the gateway does not answer')
}

function siteUrl(path: string): string {
  return new URL(path, self.registration.scope).href
}
