// An empty file: it lets Go accept a function without a body (see splitAndDeannotate).
