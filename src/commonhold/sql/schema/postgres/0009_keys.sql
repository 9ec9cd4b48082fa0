-- Keys that the service made for itself: every replica signs with the same, after a restart too.

CREATE TABLE service_key (
    purpose TEXT COLLATE "C" NOT NULL,
    secret TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (purpose)
);
