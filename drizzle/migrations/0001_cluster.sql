ALTER TABLE "monitors" ADD COLUMN "traceparent" text;--> statement-breakpoint
ALTER TABLE "outbox_events" ADD COLUMN "traceparent" text;--> statement-breakpoint
ALTER TABLE "assignments" ADD COLUMN "restarts" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "assignments" ADD COLUMN "launch" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "assignments" ADD COLUMN "is_launched" boolean DEFAULT false NOT NULL;