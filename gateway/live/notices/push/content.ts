/** What a push says to the service worker of the pages (`push-worker.ts`), which shows it. */
export type PushContent = {
  readonly title: string
  readonly body: string
  /** One broadcast has one notification: a newer one replaces it. */
  readonly tag: string
  readonly language: string
  /** The page that a click opens, below the root of the site. */
  readonly path: string
}

/** The cache in which a browser keeps the id of its subscription, and the address in it, below the root of the site. */
export type PushStore = { readonly cache: 'tallylight-push'; readonly path: 'push-subscription' }
