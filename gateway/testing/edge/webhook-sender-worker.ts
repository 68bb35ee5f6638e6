import { createEdgeWebhookSender } from '../../adapters/edge/webhook-sender.ts'
import type { WebhookGuard } from '../../adapters/edge/settings.ts'
import type { WebhookRequest } from '../../ports/webhook-sender.ts'

/** A Worker that sends the webhook in its request, and responds with the outcome. */
// oxlint-disable-next-line import/no-default-export -- where workerd looks for a Worker's handlers
export default {
  async fetch(request: Request): Promise<Response> {
    const { guard, webhook } = (await request.json()) as { guard: WebhookGuard; webhook: WebhookRequest }
    return Response.json(await createEdgeWebhookSender(guard)(webhook))
  },
}
