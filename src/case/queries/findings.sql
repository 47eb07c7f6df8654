-- What looks like an intrusion, the gravest first.
SELECT hostname, severity, confidence, rule, title, container_name, pid, comm, summary
FROM findings JOIN images ON id = image_id
ORDER BY list_position(['critical', 'high', 'medium', 'low', 'info'], severity), hostname, rule, image_row;
