/** Runs in the settings: turns pushes to this browser on and off. */

import type { PushStore } from '../../notices/push/content.ts'
import { fetchSite, findButton, setHidden, siteUrl } from './elements.ts'

type PushState = 'unsupported' | 'denied' | 'off' | 'on' | 'failed'

const STATES: readonly PushState[] = ['unsupported', 'denied', 'off', 'on', 'failed']
/** Under this name the browser keeps which user turned pushes on: another one who signs in later has not. */
const USER = 'tallylight-push-user'
const STORE: PushStore = { cache: 'tallylight-push', path: 'push-subscription' }
const API = 'api/v1/notifications/push'

const area = document.querySelector<HTMLElement>('[data-push-key]')
if (area !== null) void start(area, area.dataset['pushKey'] ?? '', area.dataset['user'] ?? '')

async function start(within: HTMLElement, key: string, user: string): Promise<void> {
  const [turnOn, turnOff] = [findButton(within, '[data-push="on"]'), findButton(within, '[data-push="off"]')]
  let id: string | null = null

  function show(state: PushState): void {
    for (const one of STATES) setHidden(within, `[data-push-note="${one}"]`, one !== state)
    turnOn.hidden = state === 'on' || state === 'unsupported' || state === 'denied'
    turnOff.hidden = state !== 'on'
  }

  async function attempt(run: () => Promise<PushState>): Promise<void> {
    for (const button of [turnOn, turnOff]) button.disabled = true
    try {
      show(await run())
    } catch {
      show('failed')
    }
    for (const button of [turnOn, turnOff]) button.disabled = false
  }

  turnOn.addEventListener('click', () => {
    void attempt(async () => {
      const permission = await Notification.requestPermission()
      if (permission !== 'granted') return permission === 'denied' ? 'denied' : 'off'
      await navigator.serviceWorker.register(siteUrl('push-worker.js'))
      const { pushManager } = await navigator.serviceWorker.ready
      await (await pushManager.getSubscription())?.unsubscribe()
      id = await add(await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }))
      localStorage.setItem(USER, user)
      return 'on'
    })
  })
  turnOff.addEventListener('click', () => {
    void attempt(async () => {
      localStorage.removeItem(USER)
      await caches.delete(STORE.cache)
      if (id !== null) await call('DELETE', `/${id}`)
      await (await findSubscription())?.unsubscribe()
      return 'off'
    })
  })

  await attempt(async () => {
    if (!isSupported()) return 'unsupported'
    if (Notification.permission === 'denied') return 'denied'
    const subscription = await findSubscription()
    if (subscription === null || localStorage.getItem(USER) !== user) return 'off'
    // The gateway may have lost it: the session ended, or the browser was the oldest of many.
    id = await add(subscription)
    return 'on'
  })
}

function isSupported(): boolean {
  return 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window
}

async function findSubscription(): Promise<PushSubscription | null> {
  const registration = await navigator.serviceWorker.getRegistration(siteUrl('push-worker.js'))
  return (await registration?.pushManager.getSubscription()) ?? null
}

/** Adds this browser to those of the user; returns its id, which the service worker needs to replace the subscription. */
async function add(subscription: PushSubscription): Promise<string> {
  const answer: { readonly subscription_id: string } = await (
    await call('POST', '', JSON.stringify(subscription))
  ).json()
  const { subscription_id: id } = answer
  await (await caches.open(STORE.cache)).put(siteUrl(STORE.path), new Response(id))
  return id
}

/** Calls the gateway. @throws Error where it refuses */
async function call(method: 'POST' | 'DELETE', path: string, body?: string): Promise<Response> {
  const init = body === undefined ? { method } : { method, body, headers: { 'content-type': 'application/json' } }
  const answer = await fetchSite(`${API}${path}`, init)
  if (!answer.ok && answer.status !== 404) throw new Error(`the gateway answered ${answer.status}`)
  return answer
}
