CREATE TABLE "unneeded_monitors" (
	"monitor_id" text PRIMARY KEY NOT NULL,
	"due_at" timestamp with time zone DEFAULT now() NOT NULL
);
