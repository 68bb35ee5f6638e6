/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Icon } from '../../../web/components/icons.tsx'
import { TIP_MESSAGES } from '../messages/tips.ts'
import type { Visit } from '../visit.ts'
import { takesTips } from './takes-tips.ts'

type TipLinkParts = {
  readonly visit: Visit
  readonly streamId: string
  readonly ownerId: string
  /** Leads from the page's URL to the root of the site. */
  readonly root: string
}

/** Renders the link by which a viewer tips; there is none where the platform takes no tips, and for one's own broadcast. */
export function TipLink({ visit, streamId, ownerId, root }: TipLinkParts) {
  if (!takesTips(visit.context) || visit.signedIn?.user.userId === ownerId) return null
  return (
    <a class="button" href={`${root}/tip/${streamId}`}>
      <Icon name="heart" />
      {TIP_MESSAGES[visit.language].tip}
    </a>
  )
}
