CREATE TABLE "job_tasks" (
	"id" text PRIMARY KEY NOT NULL,
	"job_id" text NOT NULL,
	"task" text NOT NULL,
	"chunk" json,
	"status" text DEFAULT 'waiting' NOT NULL,
	"priority" integer NOT NULL,
	"output_key" text NOT NULL,
	"progress" real DEFAULT 0 NOT NULL,
	"fps" real,
	"speed" real,
	"due_at" timestamp with time zone NOT NULL,
	"position" integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "job_updates" (
	"job_id" text NOT NULL,
	"seq" integer NOT NULL,
	"body" json NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "job_updates_job_id_seq_pk" PRIMARY KEY("job_id","seq")
);
--> statement-breakpoint
CREATE TABLE "jobs" (
	"id" text PRIMARY KEY NOT NULL,
	"status" text NOT NULL,
	"input_url" text NOT NULL,
	"preset_name" text NOT NULL,
	"preset" json NOT NULL,
	"storage" text NOT NULL,
	"path" text NOT NULL,
	"output_type" text NOT NULL,
	"callback_url" text,
	"priority" integer NOT NULL,
	"timeout_sec" integer NOT NULL,
	"chunks" json NOT NULL,
	"clip" json,
	"thumbnails" boolean NOT NULL,
	"metadata" json NOT NULL,
	"traceparent" text,
	"progress" real DEFAULT 0 NOT NULL,
	"message" text NOT NULL,
	"fps" real,
	"speed" real,
	"eta_sec" real,
	"media_info" json,
	"validation" json,
	"output" json,
	"plan" json,
	"error_code" text,
	"error_message" text,
	"has_stored" boolean DEFAULT false NOT NULL,
	"last_seq" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp with time zone,
	"deadline_at" timestamp with time zone,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone
);
--> statement-breakpoint
ALTER TABLE "assignments" ADD COLUMN "host" text;--> statement-breakpoint
ALTER TABLE "job_tasks" ADD CONSTRAINT "job_tasks_job_id_jobs_id_fk" FOREIGN KEY ("job_id") REFERENCES "public"."jobs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "job_updates" ADD CONSTRAINT "job_updates_job_id_jobs_id_fk" FOREIGN KEY ("job_id") REFERENCES "public"."jobs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "job_tasks_waiting" ON "job_tasks" USING btree ("priority" DESC NULLS LAST,"due_at","position") WHERE status <> 'running' and status <> 'ended';--> statement-breakpoint
CREATE INDEX "job_tasks_open" ON "job_tasks" USING btree ("output_key") WHERE status in ('waiting', 'running');--> statement-breakpoint
CREATE INDEX "job_tasks_by_job" ON "job_tasks" USING btree ("job_id");--> statement-breakpoint
CREATE INDEX "jobs_by_status" ON "jobs" USING btree ("status","id");--> statement-breakpoint
CREATE INDEX "jobs_by_deadline" ON "jobs" USING btree ("deadline_at") WHERE ended_at is null and deadline_at is not null;--> statement-breakpoint
CREATE INDEX "jobs_by_end" ON "jobs" USING btree ("ended_at") WHERE ended_at is not null;