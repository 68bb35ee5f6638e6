import { createEdgeWebhookSender } from '../adapters/edge/webhook-sender.ts'
import type { WebhookGuard } from '../adapters/edge/settings.ts'
import type { WebhookRequest } from '../context.ts'

/** A Worker that sends one webhook as it is told, and answers with what came of it. */
// oxlint-disable-next-line import/no-default-export -- where workerd looks for a Worker's handlers
export default {
  async fetch(request: Request): Promise<Response> {
    const { guard, webhook } = (await request.json()) as { guard: WebhookGuard; webhook: WebhookRequest }
    return Response.json(await createEdgeWebhookSender(guard)(webhook))
  },
}
