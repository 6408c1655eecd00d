"""What was seen becomes findings: a module a subject, a function a rule; all of them pure."""
