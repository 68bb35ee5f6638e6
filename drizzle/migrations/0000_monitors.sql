CREATE TABLE "idempotency_keys" (
	"scope" text NOT NULL,
	"key" text NOT NULL,
	"request_hash" text NOT NULL,
	"status" integer NOT NULL,
	"body" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_keys_scope_key_pk" PRIMARY KEY("scope","key")
);
--> statement-breakpoint
CREATE TABLE "monitors" (
	"id" text PRIMARY KEY NOT NULL,
	"stream_key" text NOT NULL,
	"stream_url" text NOT NULL,
	"callback_url" text NOT NULL,
	"status" text NOT NULL,
	"stream_status" text DEFAULT 'unknown' NOT NULL,
	"title" text,
	"health" json NOT NULL,
	"statistics" json NOT NULL,
	"config" json NOT NULL,
	"metadata" json NOT NULL,
	"error_reason" text,
	"start_at" timestamp with time zone,
	"give_up_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "outbox_events" (
	"event_id" text PRIMARY KEY NOT NULL,
	"subject" text NOT NULL,
	"seq" integer NOT NULL,
	"event_type" text NOT NULL,
	"url" text NOT NULL,
	"body" text NOT NULL,
	"policy" text NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"redeliveries" integer DEFAULT 0 NOT NULL,
	"last_attempt_at" timestamp with time zone,
	"last_error" text,
	"delivered_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "outbox_events_order" UNIQUE("subject","seq")
);
--> statement-breakpoint
CREATE TABLE "outbox_lanes" (
	"subject" text PRIMARY KEY NOT NULL,
	"last_seq" integer DEFAULT 0 NOT NULL,
	"pending" integer DEFAULT 0 NOT NULL,
	"due_at" timestamp with time zone,
	"locked_by" text,
	"locked_until" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "assignments" (
	"id" text PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"epoch" integer DEFAULT 0 NOT NULL,
	"seq" integer DEFAULT 0 NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"launch_at" timestamp with time zone,
	"launched_at" timestamp with time zone,
	"launched_by" text,
	"claimed_at" timestamp with time zone,
	"claimants" text[] DEFAULT '{}' NOT NULL,
	"lease_until" timestamp with time zone,
	"resume" json,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone
);
--> statement-breakpoint
ALTER TABLE "outbox_events" ADD CONSTRAINT "outbox_events_subject_outbox_lanes_subject_fk" FOREIGN KEY ("subject") REFERENCES "public"."outbox_lanes"("subject") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "idempotency_keys_age" ON "idempotency_keys" USING btree ("created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "monitors_one_active_per_stream" ON "monitors" USING btree ("stream_key") WHERE ended_at is null;--> statement-breakpoint
CREATE INDEX "monitors_by_status" ON "monitors" USING btree ("status","id");--> statement-breakpoint
CREATE INDEX "monitors_to_start" ON "monitors" USING btree ("start_at") WHERE status = 'scheduled';--> statement-breakpoint
CREATE INDEX "monitors_to_give_up" ON "monitors" USING btree ("give_up_at") WHERE ended_at is null and give_up_at is not null;--> statement-breakpoint
CREATE INDEX "outbox_events_pending" ON "outbox_events" USING btree ("subject","seq") WHERE status = 'pending';--> statement-breakpoint
CREATE INDEX "outbox_lanes_due" ON "outbox_lanes" USING btree ("due_at") WHERE due_at is not null;--> statement-breakpoint
CREATE INDEX "assignments_launch" ON "assignments" USING btree ("launch_at") WHERE ended_at is null and launch_at is not null;--> statement-breakpoint
CREATE INDEX "assignments_active" ON "assignments" USING btree ("id") WHERE ended_at is null;